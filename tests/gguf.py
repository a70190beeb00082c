"""A tiny llama model that says what a script tells it, as a GGUF file for a real llama.cpp server.

Nothing is trained. Every piece of every answer is a token of its own whose embedding points, through
the output matrix, at the piece that follows; the layers in between add nothing. Which answer it is,
the chat template decides: it looks at the last message and ends the prompt with the token that
leads into the answer. An answer that is sent back becomes the very tokens that were generated, so that
the server finds it in its cache, as it does with the answers of most real models. Deterministic;
standard library only.
"""

import random
import struct
import sys
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

Script = Sequence[tuple[str, str]]
"""Pairs of what the last message must contain and what is answered; the first that fits, "" always."""

UNSCRIPTED: Final = "Nothing in the script answers this."

DIMENSION: Final = 64
HEADS: Final = 2
SURE: Final = 40.0
"""How strongly a piece points at the next: enough that no temperature makes another one likely."""

INNER_OF_A_MODEL: Final = 56_000
"""Makes three matrices of 3.6 million parameters each, all of them zero."""

SHORTEST_PIECE: Final = 6
"""Bytes of an answer's piece; longer where it would not be the only one to begin like that."""

COMMON: Final = (
    "The a an and are as at be by can class code content do each end every exactly file files first"
    " for form from function have how in is it its json line list message model must name names new"
    " no not of on one only or other out part path paths plan program prompt python read run say"
    " stand stands step test text than that the them then this to use used user uses was what when"
    " which whole with without words write written you your answer block data"
)
"""Words that are one token each, so that ordinary prompts cost fewer tokens than bytes."""

NORMAL, CONTROL = 1, 3
UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
FLOATS: Final = 0
ALIGNMENT: Final = 32

Value = bool | int | float | str | list[int] | list[str]
Tensor = tuple[tuple[int, ...], "array[float]"]
"""Sizes, the fastest-varying first, and the numbers."""


def write_model(path: Path, script: Script, *, context: int = 8192, continues: bool = False) -> None:
    """Write the model that answers by the script; `context` is what it says it was trained for.

    One that `continues` finds its way into an answer from the first line of it, which no two answers may share,
    or from any part of it that ends with a piece; it has as many parameters as the smallest real models.
    """
    script = [*script, ("", UNSCRIPTED)]
    vocabulary = build_vocabulary(script, continues=continues)
    inner = INNER_OF_A_MODEL if continues else 2 * DIMENSION
    metadata = fields(vocabulary, script, context=context, inner=inner)
    path.write_bytes(gguf(metadata, tensors(vocabulary, inner=inner)))


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The tokens, and the chain of tokens of each answer."""

    tokens: list[str]
    kinds: list[int]
    chains: list[list[int]]
    begin: int
    end: int


def build_vocabulary(script: Script, *, continues: bool = False) -> Vocabulary:
    """256 bytes, common words, the template's marks, the answers' pieces."""
    ordinary = {bytes([byte]) for byte in range(256)}
    ordinary |= {f"{space}{word}".encode() for word in COMMON.split() for space in ("", " ")}
    tokens = [spelled(text) for text in sorted(ordinary)]
    marks = ["<|begin|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
    begin = len(tokens)
    first_start = begin + len(marks)
    kinds = [NORMAL] * begin
    tokens += [*marks, *(start_mark(number) for number in range(len(script)))]
    kinds += [CONTROL] * (len(tokens) - begin)
    cutter = Cutter(ordinary)
    chains = []
    for number, (_, say) in enumerate(script):
        first, rest = say.partition("\n")[0::2] if continues else ("", say)
        said = cutter.pieces(f"{first}\n".encode()) if first and rest else []
        said += cutter.pieces((rest if said else say).encode(), solid=continues)
        before = len(tokens)
        tokens += [spelled(piece) for piece in said]
        kinds += [NORMAL] * len(said)
        chains.append([first_start + number, *range(before, len(tokens)), begin + 1])
    return Vocabulary(tokens, kinds, chains, begin, begin + 1)


class Cutter:
    """Cuts answers into tokens that no other place has, and into which the same text is cut again.

    The tokenizer takes the longest token that fits (RWKV's does), so a piece has to be longer than
    any token that begins alike, and must not fit where an earlier answer has a shorter piece.
    """

    def __init__(self, ordinary: set[bytes]) -> None:
        self.known = set(ordinary)
        self.longest = max(map(len, ordinary))
        self.places: dict[bytes, list[tuple[bytes, int]]] = {}
        """By its first byte, each place where a piece begins: the rest there, and the piece's size."""

    def pieces(self, text: bytes, *, solid: bool = False) -> list[bytes]:
        """The text's pieces, which are `known` from now on. A text that is too short is an error.

        No `solid` piece but the last ends in white space.
        """
        found: list[bytes] = []
        at = 0
        while at < len(text):
            size = self._size(text[at:])
            while solid and text[at + size - 1 : at + size].isspace() and at + size < len(text):
                size += 1
            if size > len(text) - at:
                assert found, f"{text!r} cannot be told from another answer"
                at -= len(self._forget(found.pop()))
                size = len(text) - at
                assert self._is_free(text[at:], size), f"{text!r} ends like another answer"
            found.append(text[at : at + size])
            self.known.add(found[-1])
            self.longest = max(self.longest, size)
            self.places.setdefault(text[at : at + 1], []).append((text[at:], size))
            at += size
        return found

    def _forget(self, piece: bytes) -> bytes:
        self.known.remove(piece)
        self.places[piece[:1]].pop()
        return piece

    def _size(self, rest: bytes) -> int:
        size = min(SHORTEST_PIECE, len(rest))
        while size <= len(rest) and not self._is_free(rest, size):
            size += 1
        return size

    def _is_free(self, rest: bytes, size: int) -> bool:
        piece = rest[:size]
        longer = range(size, min(self.longest, len(rest)) + 1)
        if any(rest[:length] in self.known for length in longer):
            return False
        others = self.places.get(piece[:1], ())
        return not any(other.startswith(piece) and size > own for other, own in others)


def spelled(text: bytes) -> str:
    """Bytes as RWKV's vocabulary spells them."""
    return "".join(chr(byte) if 0x20 <= byte < 0x7F and byte != 0x5C else f"\\x{byte:02x}" for byte in text)


def start_mark(number: int) -> str:
    """The token that leads into an answer."""
    return f"<|answer-{number}|>"


def chat_template(script: Script) -> str:
    """Each turn between marks; before an answer the mark of the first that fits the message before."""
    choices = "".join(
        f"{{% {'elif' if number else 'if'} {literal(when)} in asked %}}{start_mark(number)}"
        for number, (when, _) in enumerate(script)
    )
    return (
        f"{{% macro mark(asked) %}}{choices}{{% endif %}}{{% endmacro %}}"
        "{% for message in messages %}<|{{ message.role }}|>\n"
        "{% if message.role == 'assistant' %}{{ mark(messages[loop.index0 - 1].content) }}{% endif %}"
        "{{ message.content }}<|end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|assistant|>\n{{ mark(messages[-1].content) }}{% endif %}"
    )


def literal(text: str) -> str:
    """The text as a string of the template language."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def tensors(vocabulary: Vocabulary, *, inner: int) -> dict[str, Tensor]:
    """One layer that adds nothing, between random embeddings and an output that leads from each to the next.

    The last pieces of all answers share an embedding: each of them leads to the end.
    """
    chance = random.Random(1)
    size = len(vocabulary.tokens)
    embedding = [[chance.choice((-1.0, 1.0)) for _ in range(DIMENSION)] for _ in range(size)]
    output = [[0.0] * DIMENSION for _ in range(size)]
    closing = embedding[vocabulary.end]
    for chain in vocabulary.chains:
        embedding[chain[-2]] = closing
        for now, following in pairwise(chain):
            output[following] = [SURE * number for number in embedding[now]]
    square, up, down = (DIMENSION, DIMENSION), (DIMENSION, inner), (inner, DIMENSION)
    return {
        "token_embd.weight": matrix(embedding),
        "blk.0.attn_norm.weight": filled((DIMENSION,), 1.0),
        "blk.0.attn_q.weight": filled(square, 0.0),
        "blk.0.attn_k.weight": filled(square, 0.0),
        "blk.0.attn_v.weight": filled(square, 0.0),
        "blk.0.attn_output.weight": filled(square, 0.0),
        "blk.0.ffn_norm.weight": filled((DIMENSION,), 1.0),
        "blk.0.ffn_gate.weight": filled(up, 0.0),
        "blk.0.ffn_up.weight": filled(up, 0.0),
        "blk.0.ffn_down.weight": filled(down, 0.0),
        "output_norm.weight": filled((DIMENSION,), 1.0),
        "output.weight": matrix(output),
    }


def matrix(rows: Sequence[Sequence[float]]) -> Tensor:
    """Rows of equal length."""
    return (len(rows[0]), len(rows)), array("f", [number for row in rows for number in row])


def filled(sizes: tuple[int, ...], number: float) -> Tensor:
    """The same number everywhere."""
    count = 1
    for size in sizes:
        count *= size
    return sizes, array("f", [number]) * count


def fields(vocabulary: Vocabulary, script: Script, *, context: int, inner: int) -> Mapping[str, tuple[int, Value]]:
    """The metadata: kind and value by key."""
    return {
        "general.architecture": (STRING, "llama"),
        "general.name": (STRING, "scripted"),
        "llama.context_length": (UINT32, context),
        "llama.embedding_length": (UINT32, DIMENSION),
        "llama.block_count": (UINT32, 1),
        "llama.feed_forward_length": (UINT32, inner),
        "llama.attention.head_count": (UINT32, HEADS),
        "llama.attention.layer_norm_rms_epsilon": (FLOAT32, 1e-5),
        "tokenizer.ggml.model": (STRING, "rwkv"),
        "tokenizer.ggml.tokens": (STRING, vocabulary.tokens),
        "tokenizer.ggml.token_type": (INT32, vocabulary.kinds),
        "tokenizer.ggml.bos_token_id": (UINT32, vocabulary.begin),
        "tokenizer.ggml.eos_token_id": (UINT32, vocabulary.end),
        "tokenizer.ggml.add_bos_token": (BOOL, True),
        "tokenizer.chat_template": (STRING, chat_template(script)),
    }


def gguf(metadata: Mapping[str, tuple[int, Value]], weights: Mapping[str, Tensor]) -> bytes:
    """A GGUF file of version 3, little-endian, all tensors 32-bit floats."""
    head = struct.pack("<4sIQQ", b"GGUF", 3, len(weights), len(metadata))
    head += b"".join(packed_field(key, kind, value) for key, (kind, value) in metadata.items())
    offset, data = 0, b""
    for name, (sizes, numbers) in weights.items():
        head += packed_text(name) + struct.pack("<I", len(sizes))
        head += struct.pack(f"<{len(sizes)}Q", *sizes) + struct.pack("<IQ", FLOATS, offset)
        data += aligned(little_endian(numbers))
        offset = len(data)
    return aligned(head) + data


def packed_field(key: str, kind: int, value: Value) -> bytes:
    """One key with its value or list of values."""
    if isinstance(value, list):
        head = packed_text(key) + struct.pack("<IIQ", ARRAY, kind, len(value))
        return head + b"".join(packed(kind, item) for item in value)
    return packed_text(key) + struct.pack("<I", kind) + packed(kind, value)


def packed(kind: int, value: float | str) -> bytes:
    """One value."""
    if isinstance(value, str):
        return packed_text(value)
    return struct.pack({UINT32: "<I", INT32: "<i", FLOAT32: "<f", BOOL: "<?"}[kind], value)


def packed_text(text: str) -> bytes:
    """A length and UTF-8."""
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def little_endian(numbers: Iterable[float]) -> bytes:
    """The numbers as the file wants them, on any machine."""
    copy = array("f", numbers)
    if sys.byteorder == "big":
        copy.byteswap()
    return copy.tobytes()


def aligned(raw: bytes) -> bytes:
    """Padded to where the next part may begin."""
    return raw + bytes(-len(raw) % ALIGNMENT)
