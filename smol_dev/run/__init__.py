"""The method: a plan, a list of files, one file after the other."""
