"""How takes are rendered: the Celery app and its steps, limits, ledger, store, providers and sandbox."""
