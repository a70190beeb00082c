"""The language of a path and of a label."""

import pytest

from smol_dev.languages import language_named, language_of


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("src/app.js", "javascript"),
        ("lib/x.mjs", "javascript"),
        ("App.jsx", "javascript"),
        ("a.ts", "typescript"),
        ("types.d.ts", "typescript"),
        ("App.tsx", "tsx"),
        ("index.HTML", "html"),
        ("main.py", "python"),
        ("stubs.pyi", "python"),
        ("build.rs", "rust"),
        (".github/workflows/ci.yml", "yaml"),
        ("run.sh", "bash"),
        (".bashrc", "bash"),
        ("Dockerfile", "dockerfile"),
        ("docker/Dockerfile.dev", "dockerfile"),
        ("api.dockerfile", "dockerfile"),
        ("Makefile", "makefile"),
        ("rules.mk", "makefile"),
        ("CMakeLists.txt", "cmake"),
        ("requirements.txt", "requirements"),
        ("LICENSE", "text"),
        ("README", "markdown"),
        ("README.md", "markdown"),
        ("Cargo.lock", "toml"),
        ("package.json", "json"),
        (".eslintrc", "jsonc"),
        (".env", "dotenv"),
        (".env.example", "dotenv"),
        ("pages/a.vue", "vue"),
        ("views/index.html.erb", "template"),
        ("deploy.yaml.j2", "template"),
        ("src\\win\\a.cs", "csharp"),
        ("bin/tool", None),
        ("data.parquet", None),
        (".gitignore", "ignore"),
        ("", None),
        ("..", None),
        (".", None),
    ],
)
def test_a_path_names_its_language(path: str, language: str | None) -> None:
    assert language_of(path) == language


@pytest.mark.parametrize(
    ("label", "language"),
    [
        ("js", "javascript"),
        ("JavaScript", "javascript"),
        (".py", "python"),
        ("python3", "python"),
        ("shell", "bash"),
        ("C++", "cpp"),
        ("golang", "go"),
        ("whatever", None),
        ("", None),
    ],
)
def test_a_label_names_a_language(label: str, language: str | None) -> None:
    assert language_named(label) == language
