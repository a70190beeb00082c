"""Where every setting comes from: layers, profiles, trust, secrets, and the answer to "who set this?"."""
