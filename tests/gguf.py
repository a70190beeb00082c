"""A tiny llama model that says what a script tells it, as a GGUF file for a real llama.cpp server.

Nothing is trained. Every piece of every answer is a token of its own whose embedding points, through
the output matrix, at the piece that follows; the layers in between add nothing. Which answer it is,
the chat template decides: it looks at the last message and ends the prompt with the token that
leads into the answer. Deterministic; standard library only.
"""

import random
import re
import struct
import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
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

SHORTEST_PIECE: Final = 6
"""Bytes of an answer's piece; longer where the same bytes were a piece before."""

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


def write_model(path: Path, script: Script, *, context: int = 8192) -> None:
    """Write the model that answers by the script; `context` is what it says it was trained for."""
    script = [*script, ("", UNSCRIPTED)]
    vocabulary = build_vocabulary(script)
    path.write_bytes(gguf(fields(vocabulary, script, context=context), tensors(vocabulary)))


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The tokens, how ordinary text is merged into them, and the chain of tokens of each answer."""

    tokens: list[str]
    kinds: list[int]
    merges: list[str]
    chains: list[list[int]]
    begin: int
    end: int


def build_vocabulary(script: Script) -> Vocabulary:
    """256 bytes, common words and all their beginnings, the template's marks, the answers' pieces."""
    tokens, merges = words(COMMON)
    marks = ["<|begin|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
    begin = len(tokens)
    first_start = begin + len(marks)
    ordinary = len(tokens)
    tokens += [*marks, *(start_mark(number) for number in range(len(script)))]
    kinds = [NORMAL] * ordinary + [CONTROL] * (len(tokens) - ordinary)
    chains = []
    known = set(tokens)
    for number, (_, say) in enumerate(script):
        said = pieces(say, known)
        before = len(tokens)
        tokens += said
        kinds += [NORMAL] * len(said)
        chains.append([first_start + number, *range(before, len(tokens)), begin + 1])
    return Vocabulary(tokens, kinds, merges, chains, begin, begin + 1)


def words(text: str) -> tuple[list[str], list[str]]:
    """The bytes, then the text's words, alone and after a space; and the merges that build them."""
    tokens = dict.fromkeys(visible(bytes([byte])) for byte in range(256))
    merges = []
    for word in re.findall(r"\w+", text):
        for spelled in (f" {word}", word):
            symbols = visible(spelled.encode())
            for cut in range(2, len(symbols) + 1):
                if symbols[:cut] not in tokens:
                    tokens[symbols[:cut]] = None
                    merges.append(f"{symbols[: cut - 1]} {symbols[cut - 1]}")
    return list(tokens), merges


def pieces(text: str, known: set[str]) -> list[str]:
    """The text cut into tokens that no one has used; they are `known` from now on."""
    found: list[str] = []
    rest = visible(text.encode())
    while rest:
        size = SHORTEST_PIECE
        while rest[:size] in known and size < len(rest):
            size += 1
        if rest[:size] in known:
            known.remove(found[-1])
            rest = found.pop() + rest
            size = len(rest)
        found.append(rest[:size])
        known.add(rest[:size])
        rest = rest[size:]
    return found


def visible(data: bytes) -> str:
    """GPT-2's spelling of bytes: printable ones as they are, the others from U+0100 on."""
    return "".join(SPELLING[byte] for byte in data)


def _spelling() -> Iterator[str]:
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    spare = 0x100
    for byte in range(256):
        yield chr(byte if byte in printable else spare)
        spare += byte not in printable


SPELLING: Final = list(_spelling())


def start_mark(number: int) -> str:
    """The token that leads into an answer."""
    return f"<|answer-{number}|>"


def chat_template(script: Script) -> str:
    """Each turn between marks; at the end the mark of the first answer that fits the last message."""
    turns = (
        "{% for message in messages %}<|{{ message.role }}|>\n{{ message.content }}<|end|>\n"
        "{% endfor %}{% if add_generation_prompt %}<|assistant|>\n"
        "{% set last = messages[-1].content %}"
    )
    choices = "".join(
        f"{{% {'elif' if number else 'if'} {literal(when)} in last %}}{start_mark(number)}"
        for number, (when, _) in enumerate(script)
    )
    return turns + choices + "{% endif %}{% endif %}"


def literal(text: str) -> str:
    """The text as a string of the template language."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def tensors(vocabulary: Vocabulary) -> dict[str, Tensor]:
    """One layer that adds nothing, between random embeddings and an output that leads from each to the next.

    The last pieces of all answers share an embedding: each of them leads to the end.
    """
    chance = random.Random(1)
    size, inner = len(vocabulary.tokens), 2 * DIMENSION
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


def fields(
    vocabulary: Vocabulary, script: Script, *, context: int
) -> Mapping[str, tuple[int, Value]]:
    """The metadata: kind and value by key."""
    return {
        "general.architecture": (STRING, "llama"),
        "general.name": (STRING, "scripted"),
        "llama.context_length": (UINT32, context),
        "llama.embedding_length": (UINT32, DIMENSION),
        "llama.block_count": (UINT32, 1),
        "llama.feed_forward_length": (UINT32, 2 * DIMENSION),
        "llama.attention.head_count": (UINT32, HEADS),
        "llama.attention.layer_norm_rms_epsilon": (FLOAT32, 1e-5),
        "tokenizer.ggml.model": (STRING, "gpt2"),
        "tokenizer.ggml.pre": (STRING, "gpt-2"),
        "tokenizer.ggml.tokens": (STRING, vocabulary.tokens),
        "tokenizer.ggml.token_type": (INT32, vocabulary.kinds),
        "tokenizer.ggml.merges": (STRING, vocabulary.merges),
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
