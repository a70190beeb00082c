"""package.json: the packages that a project's scripts may import, and the files that it names."""

import json
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from smol_dev.checks.commands import Place
from smol_dev.checks.dependencies import table
from smol_dev.checks.manifests import Manifest, missing
from smol_dev.checks.modules import Python
from smol_dev.checks.project import Problem, Project, above, beside

NODE: Final = frozenset(
    "assert async_hooks buffer child_process cluster console constants crypto dgram diagnostics_channel dns domain events"
    " fs http http2 https inspector module net os path perf_hooks process punycode querystring readline repl stream"
    " string_decoder sys timers tls trace_events tty url util v8 vm wasi worker_threads zlib test sqlite sea bun electron".split()
)
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
        if file not in project.files:
            continue
        data = read_json(project.files[file])
        if not data or "workspaces" in data:
            return None
        nearest = nearest or file
        develops = develops or bool(data.get("devDependencies"))
        for key in ("dependencies", "devDependencies", "peerDependencies", "optionalDependencies"):
            names |= set(table(data.get(key)))
        names.add(str(data.get("name")))
    for name in tuple(names):
        names |= set(NODE_BRINGS.get(name, "").split())
        names.add(name.removeprefix("@types/"))
    return Packages(frozenset(names), nearest, develops) if nearest else None


def package_files(python: Python, path: str) -> Iterator[Problem]:
    """A manifest names a file that is not there."""
    project = python.project
    if posixpath.basename(path) != "package.json":
        return
    text = project.files[path]
    data = read_json(text)
    scripts = table(data.get("scripts"))
    builds = any(
        word in " ".join(map(str, scripts.values()))
        for word in ("build", "tsc", "rollup", "webpack", "babel", "esbuild")
    )
    # What is published holds no more than it needs to run.
    published = "repository" in data or "files" in data
    place = Place(python, (posixpath.dirname(path),))
    for name, command in scripts.items():
        if isinstance(command, str) and (not published or name == "start"):
            yield from Manifest(python, path, text).commands(place, command, text.find('"scripts"'))
    entries = [data.get("main"), data.get("exports"), *(table(data.get("bin")).values() or [data.get("bin")])]
    for entry in entries:
        if isinstance(entry, str) and not builds and entry:
            target = beside(path, entry) or ""
            if not any(
                project.exists(target + end) for end in ("", ".js", ".cjs", ".mjs", ".json", "/index.js", ".node")
            ):
                yield from missing(project, path, text, entry, text.find(f'"{entry}"'))


RULES: Final = {"manifest-file": (package_files,)}
