"""package.json: the packages that a project's scripts may import, and the files that it names."""

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from smol_dev.checks.commands import Place
from smol_dev.checks.dependencies import table
from smol_dev.checks.manifests import Manifest
from smol_dev.checks.modules import Python
from smol_dev.checks.project import Problem, Project, above, beside, instead, is_built, line_and_column

NODE: Final = frozenset(
    "assert async_hooks buffer child_process cluster console constants crypto dgram diagnostics_channel dns domain events"
    " fs http http2 https inspector module net os path perf_hooks process punycode querystring readline repl stream"
    " string_decoder sys timers tls trace_events tty url util v8 vm wasi worker_threads zlib test sqlite sea bun electron".split()
)
DEPENDENCIES: Final = ("dependencies", "devDependencies", "peerDependencies", "optionalDependencies")
NODE_BRINGS: Final = {
    "express": "body-parser cookie debug ms qs send serve-static mime accepts", "vite": "rollup esbuild postcss", "next": "react react-dom",
    "jest": "@jest/globals expect", "react-router-dom": "react-router", "mongoose": "mongodb bson", "eslint": "@eslint/js espree",
    "socket.io": "engine.io ws", "react-dom": "scheduler", "@testing-library/react": "@testing-library/dom", "nuxt": "vue",
    "typescript-eslint": "@typescript-eslint/parser @typescript-eslint/utils", "webpack": "tapable webpack-sources", "vitest": "vite chai",
    "@vue/cli-service": "webpack", "react-scripts": "webpack eslint jest @babel/core", "@angular/cli": "typescript", "mocha": "chai",
}  # fmt: skip


def read_json(text: str) -> Mapping[str, Any]:
    """Return the object that the text holds; empty where it holds none."""
    try:
        return table(json.loads(text))
    except (ValueError, RecursionError):
        return {}


@dataclass(frozen=True)
class Packages:
    """The packages that manifests name, the nearest of these, and whether one of them names tools for development."""

    names: frozenset[str]
    file: str
    develops: bool


def node_dependencies(project: Project, path: str) -> Packages | None:
    """Return the packages that the manifests above a file name; None without one."""
    names: set[str] = set()
    develops = False
    nearest = ""
    for folder in above(path):
        file = posixpath.join(folder, "package.json")
        if any(posixpath.join(folder, each) in project.files for each in ("deno.json", "deno.jsonc")):
            return None
        if file not in project.files:
            continue
        data = read_json(project.files[file])
        if not data or "workspaces" in data:
            return None
        nearest = nearest or file
        develops = develops or bool(data.get("devDependencies"))
        for key in DEPENDENCIES:
            names |= set(table(data.get(key)))
        names.add(str(data.get("name")))
    for name in tuple(names):
        names |= set(NODE_BRINGS.get(name, "").split())
    return Packages(frozenset(names), nearest, develops) if nearest else None


TOOLS: Final = re.compile(r"\b(?:build|tsc|rollup|webpack|babel|esbuild|vite|tsup|parcel|swc|ncc|unbuild|pkgroll)\b")
"""Tools that build files which a package.json may name."""

ENDS: Final = ("", ".js", ".cjs", ".mjs", ".json", "/index.js", ".node", ".ts", ".tsx")
ENTRIES: Final = ("main", "module", "types", "typings", "browser", "bin", "exports")


def package_files(python: Python, path: str) -> Iterator[Problem]:
    """A manifest names a file that is not there."""
    if posixpath.basename(path) != "package.json":
        return
    project, text = python.project, python.project.files[path]
    data, folder = read_json(text), posixpath.dirname(path)
    scripts = table(data.get("scripts"))
    for command in scripts.values():
        if isinstance(command, str) and _is_whole(project, data, folder, command):
            place = Place(python, (folder,))
            yield from Manifest(python, path, text).commands(place, command, text.find('"scripts"'))
    packages = {name for key in DEPENDENCIES for name in table(data.get(key))}
    builds = TOOLS.search(" ".join([*map(str, scripts.values()), *packages])) is not None
    for entry in (each for key in ENTRIES for each in _strings(data.get(key))):
        target = beside(path, entry) or ""
        odd = not entry or "*" in entry or entry.partition("/")[0] in packages or target.startswith("..")
        built = builds and not project.listing.get(posixpath.dirname(target))
        if not odd and not built and not any(project.exists(target + end) for end in ENDS):
            listed = project.listing.get(posixpath.dirname(target), ())
            message = f"there is no file `{entry}`" + instead(target, listed, "there is")
            if not (builds and (is_built(project, entry) or entry.endswith((".ts", ".js")))):
                line, column = line_and_column(text, max(0, text.find(f'"{entry}"')))
                yield Problem(path, line, column, "manifest-file", message)


def _is_whole(project: Project, data: Mapping[str, Any], folder: str, command: str) -> bool:
    """Return whether the files that a script names are in the folder; a published package may lack its sources."""
    if "repository" not in data and "files" not in data:
        return True
    words = [posixpath.dirname(word.removeprefix("./")) for word in command.split() if "/" in word]
    return command.startswith("node ") and any(
        word and posixpath.join(folder, word) in project.folders for word in words
    )


def _strings(value: object) -> Iterator[str]:
    """Yield the strings in a value of a few levels."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from (
                _strings(inner) if not isinstance(inner, dict) else (e for e in inner.values() if isinstance(e, str))
            )


COMMENT: Final = re.compile(r"(\"(?:[^\"\\\n]|\\.)*\")|//[^\n]*|/\*.*?(?:\*/|\Z)|,(?=\s*[}\]])", re.DOTALL)


def tsconfig_files(python: Python, path: str) -> Iterator[Problem]:
    """A manifest names a file that is not there."""
    if not re.fullmatch(r"[jt]sconfig[\w.-]*\.json", posixpath.basename(path)):
        return
    project, text = python.project, python.project.files[path]
    data = read_json(COMMENT.sub(lambda found: found[1] or "", text))
    bases = data.get("extends") if isinstance(data.get("extends"), list) else [data.get("extends")]
    references = data.get("references") if isinstance(data.get("references"), list) else []
    named = [each for each in bases or () if isinstance(each, str) and each.startswith(".")]
    named += [each["path"] for each in references or () if isinstance(each, dict) and isinstance(each.get("path"), str)]
    for each in named:
        target = beside(path, each)
        known = target is None or any(project.exists(target + end) for end in ("", ".json", ".ts", ".tsx", ".d.ts"))
        if not known and target is not None and not is_built(project, f"{target}/x") and "node_modules" not in target:
            listed = project.listing.get(posixpath.dirname(target), ())
            line, column = line_and_column(text, max(0, text.find(each)))
            message = f"there is no file `{each}`" + instead(target, listed, "there is")
            yield Problem(path, line, column, "manifest-file", message)


RULES: Final = {"manifest-file": (package_files, tsconfig_files)}
