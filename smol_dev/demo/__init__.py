"""The scripted server for `smol_dev demo`, and its canned answers."""
