"""The folder being written: which paths are allowed, how a file gets there, what is remembered."""
