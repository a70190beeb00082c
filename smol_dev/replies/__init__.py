"""What the model said, turned into what we asked for: pure functions of text."""
