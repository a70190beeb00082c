"""Talking to a model behind any OpenAI-compatible server, and finding out what goes wrong."""
