"""Talking to a model behind any OpenAI-compatible server, and understanding what goes wrong."""
