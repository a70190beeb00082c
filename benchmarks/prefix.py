"""The prefix cache: prompt tokens that a real llama.cpp server evaluates, by its own counts.

The same plan, list and ten files, asked for in the order of smol-ai/developer (the file's name in the
system message, before the plan) and as one conversation. `python -m benchmarks.prefix`
"""

import json
import tempfile
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any, Final

from benchmarks.machine import about, run, slot, table
from tests.gguf import COMMON
from tests.real_server import real_server

WORDS: Final = COMMON.lower().split()
PROMPT: Final = "a program of ten parts"
PLAN: Final = "# Plan\n\n" + "".join(f"- {' '.join(Random(line).sample(WORDS, 12))}.\n" for line in range(150))


def code(name: str) -> str:
    """A file of 60 lines, no two alike."""
    chance = Random(name)
    return "".join(f"{'_'.join(chance.sample(WORDS, 3))} = {line}\n" for line in range(60))


FILES: Final = {f"part_{name}.py": f"```python\n{code(name)}```\n" for name in "abcdefghij"}
LIST: Final = json.dumps({"files": list(FILES)})
SCRIPT: Final = [
    *((f"\n{path}", said) for path, said in FILES.items()),
    ("List the files", LIST),
    ("Plan this program", PLAN),
]


def ask(base_url: str, system: str, *user: str) -> tuple[int, int]:
    """Prompt tokens and, of these, those from the cache."""
    messages = [{"role": "system", "content": system}]
    messages += [{"role": "user", "content": text} for text in user]
    request = urllib.request.Request(
        f"{base_url}/chat/completions",
        data=json.dumps({"messages": messages, "max_tokens": 2000, "temperature": 0}).encode(),
        headers={"content-type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        timings = json.load(answer)["timings"]
    return timings["cache_n"] + timings["prompt_n"], timings["cache_n"]


def original_order(base_url: str, at_once: int) -> tuple[int, int]:
    """The order of smol-ai/developer: what differs stands before what does not."""

    def write(path: str) -> tuple[int, int]:
        system = f"You write one file of a program. The file is named {path}. Answer with code."
        listed = f"The files: {LIST}"
        return ask(base_url, system, f"The prompt: {PROMPT}\n{PLAN}\n{listed}", f"Write\n{path}")

    counts = [
        ask(base_url, "You write plans.", f"Plan this program: {PROMPT}"),
        ask(base_url, "You list files.", f"{PROMPT}\n{PLAN}", "List the files as JSON."),
    ]
    with ThreadPoolExecutor(at_once) as crew:
        counts += crew.map(write, FILES)
    return sum(prompt for prompt, _ in counts), sum(cached for _, cached in counts)


def smol_dev(base_url: str, strategy: str) -> tuple[int, int]:
    """A run as a user starts it; the counts are those it reports."""
    with tempfile.TemporaryDirectory() as name:
        settings = (f"strategy={strategy}", "prompt_variant=small")
        options = [word for setting in settings for word in ("-c", setting)]
        command = ["-m", "smol_dev", "--json", "--llm-provider", "llamacpp", "--model", "scripted"]
        cost = run([*command, "--base-url", base_url, *options, PROMPT], Path(name))
    done: dict[str, Any] = json.loads(cost.output.splitlines()[-1])
    assert len(done["written"]) == len(FILES), done
    return done["prompt_tokens"], done["cached_tokens"]


def measured() -> Iterator[tuple[str, int, int]]:
    """Each way to ask, on a server that has seen nothing yet: its name, evaluated and cached tokens."""
    for slots in (1, 4):
        with real_server(SCRIPT, slots=slots, context=32_768) as base_url:
            prompt, cached = original_order(base_url, slots)
        yield f"{slot(slots)}, original order", prompt - cached, cached
        for strategy in ("chain", "parallel") if slots == 1 else ("parallel",):
            with real_server(SCRIPT, slots=slots, context=32_768) as base_url:
                prompt, cached = smol_dev(base_url, strategy)
            yield f"{slot(slots)}, smol_dev, {strategy}", prompt - cached, cached


def main() -> None:
    """Print the table."""
    print(about(), end="\n\n")
    rows, original = [], 1
    for name, evaluated, cached in measured():
        original = evaluated if "original" in name else original
        share = f"{evaluated / original:.1%}"
        rows.append((name, f"{evaluated:,}", f"{cached:,}", share))
    print(table(("", "evaluated", "cached", "of the original order"), rows))


if __name__ == "__main__":
    main()
