"""Reading an answer: milliseconds for a file of 200 lines, by its kind and the form of the answer.

`python -m benchmarks.reading [FOLDER]`: with the folder of another checkout, its time stands beside ours;
both read in turn, in processes of their own, and the least of many times counts.
"""

import json
import subprocess
import sys
from typing import Final

from benchmarks.machine import ROOT, about, table

ROUNDS: Final = 20
READS: Final = 10

UNITS: Final = {
    "a.py": "def step_N(items):\n    total = sum(item.price * N for item in items)\n    if total > N:\n"
    "        log(total, index=N)\n    return total\n\n\n",
    "a.js": "export function stepN(items) {\n  const total = items.reduce((sum, item) => sum + item.price * N, 0);\n"
    "  if (total > N) {\n    console.log(`total ${total}`, { index: N });\n  }\n  return total;\n}\n\n",
    "a.ts": "export function stepN(items: Item[]): number {\n  const total = items.length * N;\n  if (total > N) {\n"
    "    console.log(`total ${total}`, { index: N });\n  }\n  return total;\n}\n\n",
    "a.html": '<section id="sN">\n  <h2>Step N</h2>\n  <ul>\n    <li class="one">One</li>\n    <li>Two</li>\n  </ul>\n'
    "  <p>Text of N words.</p>\n</section>\n",
    "a.css": ".step-N {\n  margin: Npx auto;\n  color: #333;\n}\n\n.step-N > li:hover {\n  color: red;\n}\n\n",
    "a.json": '  "stepN": {\n    "name": "Step N",\n    "value": N,\n    "list": [\n      1\n    ]\n  },\n',
    "a.yaml": 'stepN:\n  image: app:N\n  ports:\n    - "80N:80"\n  environment:\n    A: one\n    B: "two"\n\n',
    "a.md": "## Step N\n\nWe take the items and add them up.\n\n- one thing\n- and another one\n\n",
    "a.go": "func stepN(items []Item) int {\n\ttotal := 0\n\tfor _, item := range items {\n"
    "\t\ttotal += item.Price\n\t}\n\treturn total * N\n}\n\n",
    "a.rs": "pub fn stepN(items: &[Item]) -> u32 {\n    let total: u32 = items.iter().map(|item| item.price).sum();\n"
    '    if total > N {\n        println!("total {}", total);\n    }\n    total\n}\n\n',
    "a.sh": 'stepN() {\n  local total=0\n  for item in "$@"; do\n    total=$((total + item * N))\n  done\n'
    '  echo "total $total"\n}\n\n',
}
AROUND: Final = {
    "a.html": ("<!DOCTYPE html>\n<html>\n<body>\n", "</body>\n</html>\n"),
    "a.json": ("{\n", '  "last": 0\n}\n'),
    "a.md": ("# A\n\n", ""),
    "a.go": ("package main\n\n", ""),
}
FORMS: Final = ("bare", "fenced", "talk")

READER: Final = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
from smol_dev.replies.code import read_code
for line in sys.stdin:
    path, answers = json.loads(line)
    taken = []
    for answer in answers:
        begun = time.perf_counter()
        verdict = read_code(answer, path=path, finish_reason="stop")
        taken.append(time.perf_counter() - begun)
        assert hasattr(verdict, "content"), verdict
    print(min(taken), flush=True)
"""


def answer(path: str, form: str, number: int) -> str:
    """The answer with this file; each number is another text, so that nothing is known from before."""
    start, end = AROUND.get(path, ("", ""))
    unit = UNITS[path]
    parts = (unit.replace("N", str(each)) for each in range(number, number + 200 // unit.count("\n")))
    content = f"{start}{''.join(parts)}{end}"
    block = f"````{path[2:]}\n{content}````"
    return {"bare": content, "fenced": block, "talk": f"Here is `{path}`:\n\n{block}\n\nIt takes all steps.\n"}[form]


def reader(folder: str) -> subprocess.Popen[str]:
    """A process that reads with the package in this folder."""
    command = [sys.executable, "-c", READER, folder]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def least(readers: list[subprocess.Popen[str]], path: str, form: str) -> list[float]:
    """The least time of each reader, in milliseconds."""
    best = [float("inf")] * len(readers)
    for turn in range(ROUNDS):
        answers = [answer(path, form, turn * READS + number) for number in range(READS)]
        for place, process in enumerate(readers):
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps([path, answers]) + "\n")
            process.stdin.flush()
            best[place] = min(best[place], float(process.stdout.readline()) * 1000)
    return best


def main() -> None:
    """Print the table."""
    print(about(), end="\n\n")
    readers = [reader(folder) for folder in (str(ROOT), *sys.argv[1:2])]
    rows = []
    for path in UNITS:
        cells = [" / ".join(f"{taken:.2f}" for taken in least(readers, path, form)) for form in FORMS]
        rows.append((f"`{path}`", *cells))
    for process in readers:
        process.kill()
    print(table(("", *FORMS), rows))


if __name__ == "__main__":
    main()
