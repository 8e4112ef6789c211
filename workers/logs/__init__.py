"""What workers write down as they go: one line an event, with the take that it is about."""
