"""Whether a provider takes what is asked, before a cent is spent.

`misfits` is the way in. `choices` tells what each field is in the takes of a shot; of these `values` looks at each by
itself, `together` at how they go together, and `prompts` at how long a prompt is.
"""
