"""Reading: from what a person wrote to a manifest, or to everything that is wrong with it at once.

`nodes` and `document` take YAML apart, `overrides` writes in what the command line says, `looks` applies presets.
`keys` knows which keys there are, `reader` makes a draft of it all, with what `salvage` saves of damaged shots.
`manifests` is the way in for a file, `heads` has what a table of shots lacks, and `loading` asks whether the provider
takes it all.
"""
