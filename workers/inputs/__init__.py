"""Local files on their way to a provider: kept in the store by content, and handed over as the provider takes them."""
