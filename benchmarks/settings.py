"""The number of threads that every competitor may use."""

THREADS = 2
