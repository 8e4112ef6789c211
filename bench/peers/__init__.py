"""What people would write by hand, or pick instead: each renders the takes of one JSON file, and does nothing else."""
