"""What is to be rendered: manifest in, takes and a plan out.

Pure. Nothing in here touches the network, Redis or a clock, and nothing in here knows `workers`.

On the way from a file to takes:

* `fields` reads single values, `reading` files; `wildcards`, `tables` and `sweeps` what a shot's prompt, rows and axes
  are written as; `chains` how shots hang together; `inputs` looks at local files.
* `manifest` has the models that all of this ends in, and `schema` the same for editors.
* `checks` asks of `capabilities` whether the provider takes it.
* `takes` gets any take by its index; `prices`, `forecasting` and `planning` say what all of them cost and how long they
  take, and `providers_page` writes what each provider takes and costs for people.

`errors` is the tree of errors, and `faults` how something wrong is said.
"""
