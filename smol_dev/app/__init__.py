"""The application: joins settings, server, method and workspace for the command line and the library."""
