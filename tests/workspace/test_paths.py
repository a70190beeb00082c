import unicodedata
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smol_dev.workspace.paths import invisible, normal, noteworthy, refuse, settle, skeleton

LOOKALIKE = "has a component that can be taken for another: "
DEVICE = "has a component that is a device on Windows: "
TRAILING = "has a component that ends with a dot or a space: "


@pytest.mark.parametrize(
    "path",
    [
        "app/[slug]/page.tsx",
        "+page.svelte",
        "posts.$id.tsx",
        ".gitignore",
        ".gitattributes",
        ".github/workflows/ci.yml",
        ".env",
        "console.py",
        "nullable.py",
        "./src/main.py",
        "src\\main.py",
        "a b/c (1).md",
        " leading.py",
        "x/~y",
        "日本語/説明.md",
        "❤️.md",
        "git/hooks.py",
        "smol.toml.example",
        "a..b/c...d",
        "/".join(["a"] * 20),
        "a" * 240,
        "é" * 127,
    ],
    ids=ascii,
)
def test_ordinary_paths_pass(path: str) -> None:
    assert refuse(path) is None


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("", "is empty"),
        ("./", "is empty"),
        ("/etc/passwd", "is absolute"),
        ("\\windows\\x", "is absolute"),
        ("//server/share", "is absolute"),
        ("C:/x", "names a drive"),
        ("c:x", "names a drive"),
        ("~/x", "starts with `~`, a home folder"),
        ("~root/x", "starts with `~`, a home folder"),
        ("..", "has a `..` component"),
        ("a/../../b", "has a `..` component"),
        ("a\\..\\b", "has a `..` component"),
        ("././a", "has a `.` component"),
        ("a/./b", "has a `.` component"),
        ("a//b", "has an empty component, or names a folder"),
        ("src/", "has an empty component, or names a folder"),
        ("a\0b", "contains U+0000, a control or invisible character"),
        ("a\nb", "contains U+000A, a control or invisible character"),
        ("a\x1b[31m", "contains U+001B, a control or invisible character"),
        ("a\u202egpj.py", "contains U+202E, a control or invisible character"),
        (".g\u200dit/config", "contains U+200D, a control or invisible character"),
        ("a\u2028b", "contains U+2028, a control or invisible character"),
        ("a\udc80", "contains U+DC80, a control or invisible character"),
        ("a\uf03ab", "contains U+F03A, a control or invisible character"),
        ("a<b", "contains `<`, which no file name on Windows can hold"),
        ("what?.md", "contains `?`, which no file name on Windows can hold"),
        ("src/*.py", "contains `*`, which no file name on Windows can hold"),
        (".git::$INDEX_ALLOCATION/x", "contains `:`, which no file name on Windows can hold"),
        ("a./b", TRAILING + "`a.`"),
        ("a /b", TRAILING + "`a `"),
        (".git./x", TRAILING + "`.git.`"),
        ("...", TRAILING + "`...`"),
        ("con.txt", DEVICE + "`con.txt`"),
        ("src/NUL", DEVICE + "`NUL`"),
        ("aux .py", DEVICE + "`aux .py`"),
        ("COM¹", DEVICE + "`COM¹`"),
        ("conin$", DEVICE + "`conin$`"),
        ("a" * 241, "is longer than 240 characters"),
        ("/".join(["a"] * 21), "is more than 20 levels deep"),
        ("é" * 128, "has a component of more than 255 bytes"),
        (".git/config", "`.git` is never written"),
        ("sub/.GIT/hooks/x", "`.GIT` is never written"),
        ("git~1/config", "`git~1` is never written"),
        (".ｇit/x", "`.ｇit` is never written"),
        (".g\ufe0fit/x", "`.g\ufe0fit` is never written"),
        (".smol/run.json", "`.smol` is never written"),
        (".ſmol/run.json", "`.ſmol` is never written"),
        ("SMOL~1.TOM", "`SMOL~1.TOM` is never written"),
        ("smol.toml", "`smol.toml` is never written"),
        ("sub/Smol.TOML", "`Smol.TOML` is never written"),
        (".smol-tmp-0011223344556677", "`.smol-tmp-0011223344556677` is never written"),
        ("‥/x", LOOKALIKE + "`‥`"),
        ("a／b", LOOKALIKE + "`a／b`"),
        ("\u3164/x", LOOKALIKE + "`\u3164`"),
    ],
    ids=ascii,
)
def test_a_dangerous_path_is_refused(path: str, why: str) -> None:
    assert refuse(path) == why


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (".envrc", ".envrc"),
        ("sub/.envrc", ".envrc"),
        (".vscode/tasks.json", ".vscode"),
        (".VSCode/settings.json", ".vscode"),
        (".idea/workspace.xml", ".idea"),
        (".devcontainer/devcontainer.json", ".devcontainer"),
        (".mise.toml", ".mise.toml"),
        ("mise.local.toml", "mise.local.toml"),
        (".config/mise/config.toml", ".config/mise"),
        (".husky/pre-commit", ".husky"),
        (".claude/settings.json", ".claude"),
        (".cursor/mcp.json", ".cursor"),
        (".mcp.json", ".mcp.json"),
        ("x.code-workspace", "x.code-workspace"),
        (".hg/hgrc", ".hg"),
        (".cargo/config.toml", ".cargo/config.toml"),
        ("crates/a/.cargo/config", ".cargo/config"),
        (".helix/languages.toml", ".helix"),
        (".replit", ".replit"),
        (".idx/dev.nix", ".idx"),
        (".codesandbox/tasks.json", ".codesandbox"),
        (".stackblitzrc", ".stackblitzrc"),
        (".luarc.json", ".luarc.json"),
        (".Rprofile", ".rprofile"),
        (".bsp/sbt.json", ".bsp"),
        (".gitpod.Dockerfile", ".gitpod.dockerfile"),
    ],
)
def test_files_that_run_by_themselves_need_to_be_allowed(path: str, name: str) -> None:
    assert refuse(path) == (
        f"`{name}` is run by tools when the folder is opened; `--allow-sensitive {path}` permits it"
    )
    assert refuse(path, allow_sensitive=[path]) is None


def test_the_hint_of_a_sensitive_path_is_safe_to_paste() -> None:
    assert refuse(".vscode/$(x) '[a]") == (
        "`.vscode` is run by tools when the folder is opened;"
        """ `--allow-sensitive '.vscode/$(x) '"'"'[[]a]'` permits it"""
    )


@pytest.mark.parametrize("path", ["Cargo.toml", ".cargo/audit.toml", "src/replit.py", "helix/a.py"])
def test_their_neighbours_are_ordinary_files(path: str) -> None:
    assert refuse(path) is None


@pytest.mark.parametrize("glob", [".vscode", ".vscode/", ".vscode/*", "./.vscode", "*.json", "*"])
def test_a_glob_allows_what_it_matches_and_what_is_below(glob: str) -> None:
    assert refuse(".vscode/launch.json", allow_sensitive=[glob]) is None


@pytest.mark.parametrize("path", [".git/hooks/pre-commit", ".smol/run.json", "smol.toml", "../x"])
def test_no_glob_allows_what_is_never_written(path: str) -> None:
    assert refuse(path, allow_sensitive=["*", path]) is not None


@pytest.mark.parametrize(
    ("paths", "accepted", "refused"),
    [
        pytest.param(["b.py", "./a.py", "src\\c.py"], ("b.py", "a.py", "src/c.py"), (), id="in-their-order"),
        pytest.param(["a.py", "./a.py"], ("a.py",), (), id="the-same-one-once"),
        pytest.param(
            ["README.md", "readme.md"],
            ("README.md",),
            (("readme.md", "cannot be told from `README.md` on some disks"),),
            id="case",
        ),
        pytest.param(
            ["é.py", "e\u0301.py"],
            ("é.py",),
            (("e\u0301.py", "cannot be told from `é.py` on some disks"),),
            id="composed-and-decomposed",
        ),
        pytest.param(["a", "A/b"], ("a",), (("A/b", "needs a folder where `a` is a file"),), id="file-then-folder"),
        pytest.param(
            ["a/b", "a"], ("a/b",), (("a", "would be a file where `a/b` needs a folder"),), id="folder-then-file"
        ),
        pytest.param(["../x", "a.py"], ("a.py",), (("../x", "has a `..` component"),), id="one-bad-path"),
        pytest.param(
            ["x/HEAD", "x/objects/a", "x/refs/b", "x/config"],
            ("x/HEAD", "x/objects/a", "x/config"),
            (("x/refs/b", "would make its folder a git repository of its own"),),
            id="bare-repository",
        ),
        pytest.param(
            ["objects/a", "Refs/b", "head"],
            ("objects/a", "Refs/b"),
            (("head", "would make its folder a git repository of its own"),),
            id="bare-repository-at-the-top",
        ),
        pytest.param(
            ["x/commondir", "x/HEAD"],
            ("x/commondir",),
            (("x/HEAD", "would make its folder a git repository of its own"),),
            id="bare-repository-with-its-parts-elsewhere",
        ),
        pytest.param(["HEAD", "a/objects", "b/refs"], ("HEAD", "a/objects", "b/refs"), (), id="apart"),
    ],
)
def test_a_set_of_paths_is_settled_together(
    paths: list[str], accepted: tuple[str, ...], refused: tuple[tuple[str, str], ...]
) -> None:
    assert settle(paths) == (accepted, refused)


def test_settling_passes_the_globs_on() -> None:
    assert settle([".envrc"], allow_sensitive=[".envrc"]) == ((".envrc",), ())


COMPONENTS = st.one_of(
    st.sampled_from(["..", ".", "", "~", "a", "A", "é", "e\u0301", "HEAD", "refs", "objects", ".git", "con"]),
    st.text(max_size=6),
)
PATHS = st.builds(
    lambda separator, parts: separator.join(parts), st.sampled_from(["/", "\\", "//"]), st.lists(COMPONENTS, max_size=5)
)


@settings(deadline=None, max_examples=120)
@given(PATHS)
def test_no_accepted_path_leaves_the_folder_or_hides(path: str) -> None:
    if refuse(path) is not None:
        return
    target = normal(path)
    for pure in (PurePosixPath(target), PureWindowsPath(target)):
        assert not pure.anchor
        assert pure.parts == tuple(target.split("/"))
        assert not {"..", ".git", ".smol"} & {part.casefold() for part in pure.parts}
    assert not any(unicodedata.category(character) in {"Cc", "Cf"} for character in target)
    assert all(map(skeleton, target.split("/")))


@settings(deadline=None, max_examples=80)
@given(st.lists(PATHS, max_size=8))
def test_accepted_paths_never_collide(paths: list[str]) -> None:
    accepted, refused = settle(paths)
    files = [tuple(map(skeleton, path.split("/"))) for path in accepted]
    folders = {file[:end] for file in files for end in range(len(file))}
    assert len(set(files)) == len(files)
    assert not folders & set(files)
    assert settle(accepted) == (accepted, ())
    assert {normal(path) for path in paths} == {*accepted, *(normal(path) for path, _ in refused)}


@pytest.mark.parametrize(
    ("path", "why"),
    [
        (".env", "holds settings that many tools load by themselves"),
        ("api/.env.production", "holds settings that many tools load by themselves"),
        (".env.example", None),
        (".github/workflows/ci.yml", "is run by a CI service once it is pushed"),
        ("Jenkinsfile", "is run by a CI service once it is pushed"),
        (".pre-commit-config.yaml", "names commands that git runs once its hooks are installed"),
        ("AGENTS.md", "is read as orders by coding assistants that open the folder"),
        ("CLAUDE.md", "is read as orders by coding assistants that open the folder"),
        ("api/GEMINI.md", "is read as orders by coding assistants that open the folder"),
        (".github/copilot-instructions.md", "is read as orders by coding assistants that open the folder"),
        ("docs/agents-of-change.md", None),
        (".npmrc", "says where code is fetched from, or what a package manager runs"),
        ("src/main.py", None),
        (".github/FUNDING.yml", None),
    ],
)
def test_some_files_are_named_in_the_summary(path: str, why: str | None) -> None:
    assert noteworthy(path) == why


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("plain\ttext\r\n", None),
        ("👨‍👩‍👧 ❤️ 1️⃣ 👁️‍🗨️", None),
        ("می‌خواهم", None),
        ("葛\U000e0100", None),
        ("a\nb = 1 \u202e# x", "contains invisible characters: U+202E in line 2"),
        ("ad\u200dmin", "contains invisible characters: U+200D in line 1"),
        ("x\ufe0f", "contains invisible characters: U+FE0F in line 1"),
        ("\x1b[0m", "contains invisible characters: U+001B in line 1"),
        ("\u3164 = 1", "contains invisible characters: U+3164 in line 1"),
        (
            "❤\ufe0f\ufe01\n\ufe02\ufe03\ufe04",
            ("contains invisible characters: U+FE01 in line 1, U+FE02 in line 2, U+FE03 in line 2, and 1 more"),
        ),
    ],
    ids=ascii,
)
def test_invisible_characters_in_content_are_named(text: str, warning: str | None) -> None:
    assert invisible(text) == warning
