"""A model that has begun to repeat itself without end, noticed while it streams."""


class Repetition:
    """Watches one streamed answer in bounded memory; make a new one for each answer."""

    def feed(self, text: str) -> bool:
        """Take the next piece; True means that the answer will not end by itself: stop it."""
        raise NotImplementedError
