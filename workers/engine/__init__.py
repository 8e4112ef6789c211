"""The waiting room: the state of every take, in Redis, changed only by the scripts beside this file."""
