"""Calls from providers: each is a hint to ask how a job is, and never the truth."""
