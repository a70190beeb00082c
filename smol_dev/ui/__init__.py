"""Events and errors turned into lines, for a terminal, a pipe or a program."""
