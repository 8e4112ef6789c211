"""Redis: reaching one, checking that it doesn't forget, and bringing a private one along."""
