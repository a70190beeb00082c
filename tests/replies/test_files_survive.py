"""Any file survives what models do around it, and a file that was read reads as itself."""

import json
import re

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from smol_dev.replies import Code, FileList, read_code, read_file_list

SETTINGS = settings(deadline=None, max_examples=25)
WORDS = st.sampled_from(
    [
        "the answer is here", "Here is the code:", "Sure!", "Note: rounding", "Let me know", "</think>",
        "<think>", "<|im_end|>", "&lt;b&gt;", "C:\\new", "1 | one", "File: a.py", "the rest of it", "{}", "...",
        "a, b", "it's", "I cannot help", "=====", "+added", "@@ -1 +1 @@", "$HOME", "`x`", "# a", "// b", "über",
    ]
)  # fmt: skip
NAMES = st.from_regex(r"[a-z][a-z_]{1,8}x", fullmatch=True)


@st.composite
def python_files(draw: st.DrawFn) -> str:
    """Return a Python file whose strings, comments and docstrings say what models say."""
    parts = [f'"""{draw(WORDS).replace(chr(92), "/")}.\n\n    ```\n    {draw(NAMES)}()\n    ```\n"""\n']
    for name in draw(st.lists(NAMES, min_size=1, max_size=3)):
        parts += [
            (
                f"\n\ndef {name}(value):\n"
                f'    """{draw(WORDS).replace(chr(92), "/")}.\n\n    {draw(WORDS).replace(chr(92), "/")}\n    """\n'
                f"    text = {draw(WORDS)!r}\n"
                f"    # about {draw(NAMES)}\n"
                f"    return [value, text]\n"
            )
        ]
    return "".join(parts)


@st.composite
def markdown_files(draw: st.DrawFn) -> str:
    """Return a README with blocks of its own."""
    parts = [f"# {draw(NAMES)}\n\nA tool.\n"]
    for _ in range(draw(st.integers(1, 3))):
        info = draw(st.sampled_from(["bash", "python", "", "json"]))
        parts.append(f"\n## {draw(NAMES)}\n\n```{info}\n{draw(NAMES)} --{draw(NAMES)}\n```\n\n{draw(NAMES)} is done.\n")
    return "".join(parts)


@st.composite
def script_files(draw: st.DrawFn) -> str:
    """Return a JavaScript file whose strings and comments say what models say."""
    parts = [f"// {draw(NAMES)} and {draw(NAMES)}\nconst words = {json.dumps(draw(WORDS))};\n"]
    for name in draw(st.lists(NAMES, min_size=1, max_size=3)):
        said = draw(WORDS).replace("`", "").replace("\\", "").replace("$", "")
        parts.append(f"\nexport function {name}(a) {{\n  const said = `{said}`;\n  return a < 1 && said;\n}}\n")
    return "".join(parts)


FILES = st.one_of(
    st.tuples(st.just("src/app.py"), python_files()),
    st.tuples(st.just("README.md"), markdown_files()),
    st.tuples(st.just("web/main.js"), script_files()),
)
LEADS = st.sampled_from(
    ["", "Here is the file:\n\n", "<think>\nA draft:\n```\nx\n```\n</think>\n\n", "Sure! Below is `{path}`.\n\n", "**{path}**\n",
     "### {path}\n\n", "<|im_start|>assistant\n", "assistant\n\n", "[/INST] ", "I will write it now.\n</think>\n"]
)  # fmt: skip
TAILS = st.sampled_from(
    ["", "\n\nLet me know if you need anything else.", "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nThanks!", "</s>",
     "\n\nUsage:\n\n```bash\nnpm start\n```", "\n\n### How it works\n\n1. It reads.\n2. It writes.", "<|endoftext|>"]
)  # fmt: skip


def read(answer: str, path: str, finish_reason: str = "stop") -> str:
    verdict = read_code(answer, path=path, finish_reason=finish_reason)
    return verdict.content if isinstance(verdict, Code) else f"reject:{verdict.reason}"


@SETTINGS
@given(file=FILES)
def test_a_file_is_read_as_itself(file: tuple[str, str]) -> None:
    path, content = file
    assert read(content, path) == content


@SETTINGS
@given(file=FILES, lead=LEADS, tail=TAILS, fence=st.sampled_from(["````", "~~~", "~~~~~"]))
def test_a_fenced_file_survives_what_stands_around_it(file: tuple[str, str], lead: str, tail: str, fence: str) -> None:
    path, content = file
    answer = f"{lead.format(path=path)}{fence}\n{content}{fence}{tail}"
    assert read(answer, path) == content


@SETTINGS
@given(file=FILES, end=st.sampled_from(["\n", "\r\n"]))
def test_line_ends_do_not_matter(file: tuple[str, str], end: str) -> None:
    path, content = file
    assert read("\ufeff" + content.replace("\n", end), path) == content


@SETTINGS
@given(file=FILES, key=st.sampled_from(["content", "code", "file_content"]))
def test_a_file_in_a_tool_call_is_decoded_once(file: tuple[str, str], key: str) -> None:
    path, content = file
    call = {"name": "write_file", "arguments": {"path": path, key: content}}
    assert read(json.dumps(call), path) == content
    assert read(f"<tool_call>\n{json.dumps(call)}\n</tool_call>", path) == content


@SETTINGS
@given(file=FILES)
def test_a_file_as_a_diff_from_nothing_is_its_added_lines(file: tuple[str, str]) -> None:
    path, content = file
    lines = content.splitlines()
    added = "".join(f"+{line}\n" for line in lines)
    assert read(f"--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,{len(lines)} @@\n{added}", path) == content


@SETTINGS
@given(file=FILES, keep=st.floats(0.3, 0.95))
def test_a_file_that_was_cut_is_never_taken_for_whole(file: tuple[str, str], keep: float) -> None:
    path, content = file
    cut = content[: int(len(content) * keep)]
    assume(cut.strip())
    assert read(f"~~~\n{cut}", path, "length") == "reject:truncated"
    assert read(cut, path, "length").startswith("reject:")


@SETTINGS
@given(answer=st.text(max_size=400), path=st.sampled_from(["a.py", "a.md", "a.json", "a.html", "a.sh", "a.txt"]))
def test_what_was_read_reads_as_itself(answer: str, path: str) -> None:
    content = read(answer, path)
    if content.startswith("reject:"):
        return
    assert content.endswith("\n")
    assert not content.endswith("\n\n")
    assert "\r\n" not in content
    assert read(content, path) == content


PATHS = st.lists(
    st.from_regex(r"([a-z]{2,6}/){0,2}[a-z]{3,8}\.(py|md|ts|json)", fullmatch=True), min_size=1, max_size=6, unique=True
).filter(lambda paths: not any(re.match(r"(?:path|root)/", path) for path in paths))


@SETTINGS
@given(paths=PATHS)
@example(paths=["tbd.py", "none.py"])
def test_a_list_is_the_same_in_every_container(paths: list[str]) -> None:
    containers = [
        json.dumps(paths),
        repr(paths),
        json.dumps({"files": paths}, indent=2),
        json.dumps([{"path": path, "description": "says hello"} for path in paths]),
        json.dumps(dict.fromkeys(paths, "says hello")),
        "Here are the files:\n\n```json\n" + json.dumps(paths) + "\n```\n\nLet me know!",
        "\n".join(f"- `{path}`: says hello" for path in paths),
        "\n".join(f"{number}. {path} - says hello" for number, path in enumerate(paths, 1)),
        "<files>\n" + "\n".join(f"<file>{path}</file>" for path in paths) + "\n</files>",
        "\n".join(json.dumps({"path": path}) for path in paths),
    ]
    for container in containers:
        verdict = read_file_list(container, finish_reason="stop")
        assert isinstance(verdict, FileList), container
        assert list(verdict.files) == paths, container


@SETTINGS
@given(answer=st.text(alphabet="[]{}()\"'`,:\\/.-*#<>|\n ab", max_size=300))
def test_any_text_gives_a_verdict(answer: str) -> None:
    for finish_reason in ("stop", "length"):
        assert read_file_list(answer, finish_reason=finish_reason) is not None
        assert read_code(answer, path="src/a.py", finish_reason=finish_reason) is not None
