"""The sandbox: a local imitation of the providers, for rehearsing a batch without money."""
