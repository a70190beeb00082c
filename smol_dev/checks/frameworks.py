"""Flask and Django: endpoints, names of URLs, and modules that are named in strings."""

import ast
import posixpath
import re
from collections.abc import Iterator
from functools import cached_property
from typing import Final

from smol_dev.checks.modules import Module, Python, imported_tops, public
from smol_dev.checks.project import Problem, Project, instead
from smol_dev.checks.web import Page

FLASK_EXTENSIONS: Final = frozenset(
    "flask_sqlalchemy flask_login flask_wtf flask_migrate flask_cors flask_bcrypt flask_mail flask_socketio flask_session"
    " flask_limiter flask_caching flask_jwt_extended flask_marshmallow flask_moment flask_babel".split()
)
"""The extensions of Flask that bring no endpoints of their own."""

DOTTED: Final = re.compile(r"[a-zA-Z_]\w*(?:\.[a-zA-Z_]\w*)+")
ROUTES: Final = frozenset("route get post put delete patch websocket".split())
PATHS: Final = frozenset({"path", "re_path", "url"})
LOOKUPS: Final = frozenset({"reverse", "reverse_lazy", "redirect"})

RENDERING: Final = {
    "render_template": ("flask", "quart"),
    "render": ("django",),
    "TemplateResponse": ("",),
    "render_to_string": ("django",),
}
"""The packages one of which a file names that fills in a template with a function."""

LINKED: Final = {
    "flask": re.compile(r"\burl_for\(\s*['\"]([\w.]+)['\"]"),
    "django": re.compile(r"\{%-?\s*url\s+['\"]([\w:.-]+)['\"]"),
}
"""How a template names an endpoint, and the name of a URL."""


def literal(node: ast.AST | None) -> str | None:
    """Return the text that a node is; None for what is computed."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    """Return the value of a call's keyword argument."""
    return next((each.value for each in call.keywords if each.arg == name), None)


def calls(module: Module) -> Iterator[ast.Call]:
    """Yield all calls of a module."""
    return (use.node for use in module.calls)


def apps(module: Module) -> Iterator[tuple[str, ast.expr]]:
    """Yield the apps that a module installs."""
    for target, value, _ in module.assigned:
        if target == "INSTALLED_APPS" and isinstance(value, ast.List | ast.Tuple):
            yield from ((name, each) for each in value.elts if (name := literal(each)))


def called(call: ast.Call) -> str:
    """Return the last part of the name that is called."""
    return str(getattr(call.func, "attr", None) or getattr(call.func, "id", ""))


class Frameworks:
    """What a project's frameworks can find by a name in a string."""

    def __init__(self, python: Python) -> None:
        self.python = python
        self.modules = [module for module in python.modules.values() if not module.aside]
        self.text = "\n".join(module.text for module in self.modules)
        self.tops = imported_tops(self.modules)

    @cached_property
    def kind(self) -> str:
        """The one framework that answers for the names of addresses."""
        flask = re.search(r"\bFlask\(", self.text) and "flask" in self.tops
        others = self.tops & {"fastapi", "starlette", "quart", "sanic", "bottle", "aiohttp"}
        if "ROOT_URLCONF" in self.text and "urlpatterns" in self.text:
            return "django"
        return "flask" if flask and not others else ""

    @cached_property
    def addresses(self) -> frozenset[str] | None:
        """The names of all addresses; None where some are made in ways that cannot be read."""
        return {"flask": self._endpoints, "django": self._url_names}.get(self.kind, lambda: None)()

    def _endpoints(self) -> frozenset[str] | None:
        extensions = {top for top in self.tops if top.startswith("flask_")} - FLASK_EXTENSIONS
        owners = re.findall(r"\b(\w++)\.register_blueprint\(", self.text)
        nested = any("bp" in owner or "blueprint" in owner for owner in owners) or re.search(
            r"register_blueprint\([^()]*\bname=", self.text
        )
        if extensions or nested:
            return None
        found: set[str] = set()
        for module in self.modules:
            for owner, name in _routes(module):
                prefixes = self._prefixes(owner)
                if name is None or len(prefixes) != 1:
                    return None
                found.add(f"{prefixes.pop()}.{name}".lstrip("."))
        return frozenset(found)

    def _prefixes(self, owner: tuple[str, str]) -> set[str]:
        """What stands before an endpoint, by the file and the variable of its application or blueprint."""
        if owner in self.owners:
            return {self.owners[owner]}
        return {prefix for (_, variable), prefix in self.owners.items() if variable == owner[1]}

    @cached_property
    def owners(self) -> dict[tuple[str, str], str]:
        """The names of blueprints, and nothing for applications, by the file and variable that hold them."""
        found: dict[tuple[str, str], str] = {}
        for module in self.modules:
            for target, call, _ in module.assigned:
                if not isinstance(call, ast.Call):
                    continue
                name = literal(call.args[0]) if call.args and called(call) == "Blueprint" else ""
                if name is not None and called(call) in {"Blueprint", "Flask"}:
                    found[module.path, target] = name
        return found

    def _url_names(self) -> frozenset[str] | None:
        found: set[str] = set()
        for module in self.modules:
            if "urlpatterns" not in module.text:
                continue
            if re.search(r"urlpatterns\s*\+=\s*\w+\(|router\.|import_module|\bfor\b", module.text):
                return None
            spaces = re.findall(r"^app_name\s*=\s*['\"](\w+)", module.text, re.MULTILINE)
            for call in calls(module):
                if called(call) == "include" and call.args and self._is_foreign(module, call.args[0]):
                    return None
                name = keyword(call, "name")
                if called(call) in PATHS and name is not None:
                    if (text := literal(name)) is None:
                        return None
                    found |= {f"{spaces[0]}:{text}"} if spaces else {text}
        return None if "namespace=" in self.text else frozenset(found)

    @cached_property
    def renders_texts(self) -> bool:
        """Whether templates may come from elsewhere than files."""
        return any(
            "DictLoader" in module.text or "FunctionLoader" in module.text for module in self.python.modules.values()
        )

    def _is_foreign(self, module: Module, node: ast.expr) -> bool:
        """Whether addresses of somebody else are included."""
        name = literal(node)
        return name is None or (not self.python.owns(name, module.path) and self.may_be_installed(name))

    def may_be_installed(self, name: str) -> bool:
        """Whether the first part of a module's name is that of a package from outside."""
        top = name.partition(".")[0]
        needs = self.python.dependencies
        return top in {"django", *self.installed, *self.tops} or bool(needs and needs.provide(top))

    @cached_property
    def installed(self) -> frozenset[str]:
        """The first parts of the names of installed apps."""
        names = (name for module in self.modules for name, _ in apps(module))
        return frozenset(name.partition(".")[0] for name in names)


def _routes(module: Module) -> Iterator[tuple[tuple[str, str], str | None]]:
    """The routes of a module: the variable of their owner, and the endpoint; None for one that is computed."""
    for function in module.functions:
        for each in function.decorator_list:
            if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and each.func.attr in ROUTES:
                endpoint = keyword(each, "endpoint")
                owner = getattr(each.func.value, "id", "")
                yield (module.path, owner), literal(endpoint) if endpoint is not None else function.name
    for call in calls(module):
        if called(call) == "add_url_rule":
            view = keyword(call, "view_func") or (call.args[2] if len(call.args) > 2 else None)  # noqa: PLR2004
            endpoint = keyword(call, "endpoint") or (call.args[1] if len(call.args) > 1 else None)
            if endpoint is None and isinstance(view, ast.Call) and view.args:
                endpoint = view.args[0]
            name = (
                literal(endpoint) if endpoint is not None else getattr(view, "attr", None) or getattr(view, "id", None)
            )
            yield (module.path, getattr(getattr(call.func, "value", None), "id", "")), name


def endpoints(frameworks: Frameworks, module: Module) -> Iterator[Problem]:
    """An address is asked for by a name that no route has."""
    names = frameworks.addresses
    if names is None or module.aside:
        return
    for call in calls(module):
        name = literal(call.args[0]) if call.args else None
        wanted = called(call) == "url_for" if frameworks.kind == "flask" else called(call) in LOOKUPS
        if wanted and name is not None and re.fullmatch(r"[\w.:-]+", name) and not _is_there(frameworks, name, names):
            yield module.problem(call.args[0], "address", _no_address(name, names))


def page_endpoints(frameworks: Frameworks, page: Page) -> Iterator[Problem]:
    """An address is asked for by a name that no route has."""
    names = frameworks.addresses
    for found in LINKED[frameworks.kind].finditer(page.text) if names is not None else ():
        if names is not None and not _is_there(frameworks, found[1], names):
            offset = len(page.text[: found.start(1)].encode(errors="replace"))
            yield page.problem(offset, "address", _no_address(found[1], names))


def _no_address(name: str, names: frozenset[str]) -> str:
    return f"no route is called `{name}`" + instead(name, names, "there is")


def _is_there(frameworks: Frameworks, name: str, names: frozenset[str]) -> bool:
    if name in names or name.rpartition(".")[2] == "static":
        return True
    if frameworks.kind == "flask":
        return name[0] == "." and any(each.endswith(name) for each in names)
    space = name.partition(":")[0]
    ours = any(each.startswith(f"{space}:") for each in names)
    return ":" in name and not ours


def module_strings(frameworks: Frameworks, module: Module) -> Iterator[Problem]:
    """A module is named in a string of Django's settings or URLs that is not there."""
    if module.loose or module.aside:
        return
    for name, node in _strings(module):
        if frameworks.python.owns(name, module.path):
            yield from _unresolved(frameworks.python, module, name, node)
    needs = frameworks.python.dependencies
    for name, node in _apps_and_includes(module) if frameworks.kind == "django" else ():
        top = name.partition(".")[0]
        is_app = any(node is each for _, each in apps(module))
        outside = needs is None or needs.provide(top) or top in {"django", *frameworks.tops}
        if not is_app:
            outside = frameworks.may_be_installed(name)
        if top not in frameworks.python.project.stems and not outside:
            yield _nowhere(frameworks.python, module, name, node)


def _apps_and_includes(module: Module) -> Iterator[tuple[str, ast.expr]]:
    yield from apps(module)
    for call in calls(module):
        name = literal(call.args[0]) if call.args else None
        if called(call) == "include" and name and DOTTED.fullmatch(name):
            yield name, call.args[0]
        if called(call) == "setdefault" and name == "DJANGO_SETTINGS_MODULE" and (value := literal(call.args[-1])):
            yield value, call.args[-1]


def _strings(module: Module) -> Iterator[tuple[str, ast.expr]]:
    """The dotted names in strings where a framework imports them."""
    yield from _apps_and_includes(module)
    if any(target == "INSTALLED_APPS" for target, _, _ in module.assigned):
        nodes = (node for node in ast.walk(module.tree) if isinstance(node, ast.Constant))
        yield from ((name, node) for node in nodes if (name := literal(node)) and DOTTED.fullmatch(name))


def _unresolved(python: Python, module: Module, name: str, node: ast.expr) -> Iterator[Problem]:
    """A problem where a dotted name leads to no module, and to no name in one."""
    owner, file = name, python.find(name, module.path)
    while file is None and "." in owner:
        owner = owner.rpartition(".")[0]
        file = python.find(owner, module.path)
    rest = name[len(owner) + 1 :].split(".") if owner != name else []
    names = python.names_in(file) if file else None
    if not rest or names is None or rest[0] in names or python.project.may_hold(file or ""):
        return
    message = f"`{owner}` ({file}) does not hold `{rest[0]}`, which `{name}` names"
    yield module.problem(node, "module-string", message + instead(rest[0], public(names), "it holds"))


def _nowhere(python: Python, module: Module, name: str, node: ast.expr) -> Problem:
    there = (each for each in python.submodules("") if each and each in python.project.folders)
    message = f"there is no module `{name}`" + instead(name, there, "there is")
    return module.problem(node, "module-string", message)


def templates(frameworks: Frameworks, module: Module) -> Iterator[Problem]:
    """A template is rendered that is not there."""
    if module.aside or frameworks.renders_texts:
        return
    for function, arguments in _renders(module):
        if any(package in module.text for package in RENDERING[function]):
            first = arguments[:1] if function.startswith("render_") else arguments
            yield from _template(frameworks.python.project, module, first)


def _renders(module: Module) -> Iterator[tuple[str, list[ast.expr]]]:
    for call in calls(module):
        if called(call) in RENDERING:
            keywords = [k.value for k in call.keywords if k.arg in {"name", "template_name"}]
            yield called(call), [*call.args[:2], *keywords]
    yield from (("render", [value]) for target, value, _ in module.assigned if target == "template_name")


def _template(project: Project, module: Module, nodes: list[ast.expr]) -> Iterator[Problem]:
    for node in nodes:
        name = node.value if isinstance(node, ast.Constant) else None
        if not isinstance(name, str) or not re.fullmatch(r"[^<\s]+\.\w+", name):
            continue
        folder, suffix = posixpath.dirname(name), posixpath.splitext(name)[1]
        known = not folder or any(f"/{each}".endswith(f"/{folder}") for each in project.folders)
        if known and not project.ending(name):
            there = (path.partition("templates/")[2] or path for path in project.paths if path.endswith(suffix))
            message = f"there is no template `{name}`" + instead(name, there, "there is")
            yield module.problem(node, "python-template", message)
        return


RULES: Final = {"address": (endpoints,), "module-string": (module_strings,), "python-template": (templates,)}
PAGE_RULES: Final = {"address": (page_endpoints,)}
