"""What was asked for, and the text that was found for it."""

from dataclasses import dataclass, replace

from smol_dev.replies.kinds import Kind


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for, and whether the server stopped the model before it was done."""

    path: str
    kind: Kind
    cut: bool


@dataclass(frozen=True, slots=True)
class Found:
    """The text that was found for the file; `is_open` says that its end was not seen."""

    text: str
    is_open: bool
    rules: tuple[str, ...] = ()
    fenced: bool = False

    def after(self, *rules: str) -> "Found":
        """Return the same text, found after these rules."""
        return replace(self, rules=(*rules, *self.rules))
