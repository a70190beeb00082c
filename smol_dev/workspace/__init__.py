"""The output folder: the paths that may be written, how a file gets there, and the record of the run."""
