"""Importing a large package without running the parts of it that nothing has used yet.

A request needs about forty of the thousand modules of `openai.types`. Without this, the client is ready after 1.1 times
the CPU time of a bare `OpenAI()` script; with it, after 0.6 times. The first byte must leave no later than that
script's.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType


@contextmanager
def lazy_import(package: str) -> Iterator[None]:
    """Import the package and its subpackages in the block, but run each only when a name in it is first used."""
    finder = _Finder(package)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _Finder(MetaPathFinder):
    """A finder of the same modules as ever, with another loader for packages.

    `importlib.util.LazyLoader` would run a package as soon as one of its modules is imported.
    """

    def __init__(self, package: str) -> None:
        self._package = package

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not f"{fullname}.".startswith(f"{self._package}."):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None and spec.submodule_search_locations:
            spec.loader = _LazyLoader(spec.loader)
        return spec


class _LazyLoader(Loader):
    """A loader that runs a module when a name is first looked up in it."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        def look(name: str) -> object:
            if vars(module).get("__getattr__") is look:
                del vars(module)["__getattr__"]
                self._loader.exec_module(module)
                return getattr(module, name)
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")

        vars(module)["__getattr__"] = look
