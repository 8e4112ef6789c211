"""When to ask how a job is. Pure, but for `learning`, which keeps in Redis how long renders took."""
