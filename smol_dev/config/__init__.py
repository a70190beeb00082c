"""Where every setting comes from: layers, profiles, trust, secrets, and which source set each value."""
