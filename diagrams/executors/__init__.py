"""Work shared between threads, processes or machines; knows nothing of what the work is."""
