"""The scripted server that `smol_dev demo` talks to over HTTP, and its canned answers."""
