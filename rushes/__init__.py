"""The command `rushes`: it reads arguments, calls `workers` and `jobs`, and prints."""
