"""The parts put together for the command line and the library."""
