"""Strings of Python and of templates that name something: a template, an address, a module, a file."""

import ast
import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from smol_dev.checks.classes import Objects
from smol_dev.checks.dependencies import known
from smol_dev.checks.modules import Module, Scope, imported_tops, is_aside, public
from smol_dev.checks.project import Problem, above, instead, is_built
from smol_dev.checks.web import Page

PLAIN_EXTENSIONS: Final = frozenset(
    "flask_sqlalchemy flask_login flask_wtf flask_migrate flask_cors flask_bcrypt flask_mail flask_socketio flask_session"
    " flask_limiter flask_caching flask_jwt_extended flask_marshmallow flask_moment flask_babel flask_httpauth".split()
)
"""The extensions of Flask that bring no endpoints and no templates of their own."""

DOTTED: Final = re.compile(r"[a-zA-Z_]\w*(?:\.[a-zA-Z_]\w*)+")
ROUTES: Final = frozenset("route get post put delete patch websocket api_route options head".split())
CONTRIB: Final = frozenset("admin registration gis flatpages postgres django sitemaps".split())
"""The folders of templates that Django brings."""

LINKED: Final = {
    "flask": re.compile(r"\burl_for\(\s*['\"]([\w.]+)['\"]"),
    "django": re.compile(r"\{%-?\s*url\s+['\"]([\w:.-]+)['\"]"),
}
PARTS: Final = re.compile(r"\{%-?\s*(?:extends|include|import|from)\s+['\"]([^'\"{}]+)['\"](?!\s+ignore)")
"""How a template names an address, and another template."""

MAKING: Final = re.compile(r"\bmakedirs|\bmkdir|\bcopytree|\bsave\(")
"""Signs that a module makes folders."""


@dataclass(frozen=True)
class Reference:
    """A string that names something: its kind, and where it stands."""

    kind: str
    text: str
    node: ast.expr
    module: Module
    scope: Scope

    def problem(self, rule: str, message: str) -> Problem:
        """Return the problem at the string."""
        return self.module.problem(self.node, rule, message)


def literal(node: ast.AST | None) -> str | None:
    """Return the text of a node; None if it is computed."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def called(call: ast.Call) -> str:
    """Return the last part of the name that is called."""
    return str(getattr(call.func, "attr", None) or getattr(call.func, "id", ""))


def argument(call: ast.Call, place: str, keywords: str) -> ast.expr | None:
    """Return the argument at one of the places, or under one of the keywords: the first that is a text, or any."""
    wanted = keywords.split(",")
    found = [each.value for each in call.keywords if each.arg in wanted]
    found += [call.args[int(each)] for each in place.split(",") if each.isdigit() and int(each) < len(call.args)]
    return next((each for each in found if literal(each) is not None), found[0] if found else None)


def tail(node: ast.AST | None, scope: Scope, depth: int = 0) -> str | None:
    """Return the end of a path as far as it is written out: `static` of `HERE / "static"`; None for no end."""
    if literal(node) is not None or depth > len(ROUTES):
        return literal(node)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.Add):
        last, before = tail(node.right, scope, depth + 1), tail(node.left, scope, depth + 1)
        return posixpath.join(before or "", last.lstrip("/")) if last is not None else None
    if isinstance(node, ast.Call) and called(node) in {"join", "str", "Path", "joinpath", "abspath"} and node.args:
        parts = [tail(each, scope, depth + 1) for each in node.args]
        return posixpath.join(*(part or "" for part in parts)) if parts[-1] is not None else None
    found = scope.find(node.id) if isinstance(node, ast.Name) else None
    value = found[1][0] if found is not None and len(found[1]) == 1 else None
    return tail(value, found[0], depth + 1) if found is not None and isinstance(value, ast.expr) else None


class References:
    """The strings of a project that name something, and the things that have such names."""

    def __init__(self, objects: Objects) -> None:
        self.objects = objects
        self.python = objects.python
        self.project = objects.python.project
        self.modules = [module for module in self.python.modules.values() if not module.aside]
        self.text = "\n".join(module.text for module in self.modules)
        self.tops = imported_tops(self.modules)

    @cached_property
    def found(self) -> dict[str, list[Reference]]:
        """Every reference, by the path of its file."""
        return {module.path: list(self._read(module)) for module in self.modules}

    def of(self, module: Module, *kinds: str) -> Iterator[Reference]:
        """Yield the references of a file that are of one of the kinds."""
        return (each for each in self.found.get(module.path, ()) if each.kind in kinds)

    def _read(self, module: Module) -> Iterator[Reference]:
        calls, assigned = known("references")["calls"], known("references")["assigned"]
        for use in module.calls:
            for row in calls.get(called(use.node), ()):
                kind, place, keywords, *words = row.split()
                node = argument(use.node, place, keywords)
                if node is not None and (not words or re.search(words[0], module.text)):
                    yield from self._reference(kind, node, module, use.scope)
        for target, value, scope in module.assigned:
            if target in assigned:
                for each in value.elts if isinstance(value, ast.List | ast.Tuple) else [value]:
                    yield from self._reference(assigned[target], each, module, scope)
        for use_of in module.stores:
            if use_of.node.attr in assigned and use_of.value is not None:
                yield from self._reference(assigned[use_of.node.attr], use_of.value, module, use_of.scope)

    def _reference(self, kind: str, node: ast.expr, module: Module, scope: Scope) -> Iterator[Reference]:
        text = tail(node, scope) if kind in {"folder", "file", "asset"} else literal(node)
        if text:
            yield Reference(kind, text, node, module, scope)

    @cached_property
    def kind(self) -> str:
        """The one framework that answers for the names of addresses."""
        flask = re.search(r"\bFlask\(", self.text) and "flask" in self.tops
        others = self.tops & {"fastapi", "starlette", "quart", "sanic", "bottle", "aiohttp"}
        if "urlpatterns" in self.text and "django" in self.tops:
            return "django"
        if self.tops & {"fastapi", "starlette"} and not self.tops & {"flask", "sqladmin", "fastapi_users", "nicegui"}:
            return "starlette"
        return "flask" if flask and not others else ""

    @cached_property
    def addresses(self) -> frozenset[str] | None:
        """The names of all addresses; None where some are made in ways that cannot be read."""
        read = {"flask": self._endpoints, "django": self._url_names, "starlette": self._route_names}
        return read[self.kind]() if self.kind in read else None

    @cached_property
    def extended(self) -> bool:
        """Whether something from outside brings addresses and templates to Flask."""
        return bool({top for top in self.tops if top.startswith(("flask_", "bootstrap_"))} - PLAIN_EXTENSIONS)

    def _endpoints(self) -> frozenset[str] | None:
        owners = re.findall(r"\b(\w++)\.register_blueprint\(", self.text)
        nested = any("bp" in owner or "blueprint" in owner for owner in owners) or re.search(
            r"register_blueprint\([^()]*\bname=", self.text
        )
        if self.extended or nested:
            return None
        found: set[str] = set()
        for owner, name in (route for module in self.modules for route in _routes(module, "endpoint")):
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
            for target, value, _ in module.assigned:
                if isinstance(value, ast.Call) and called(value) in {"Blueprint", "Flask"}:
                    name = literal(argument(value, "0", "name")) if called(value) == "Blueprint" else ""
                    found.update({(module.path, target): name} if name is not None else {})
        return found

    def _url_names(self) -> frozenset[str] | None:
        found: set[str] = set()
        for module in (each for each in self.modules if "urlpatterns" in each.text):
            odd = re.search(r"urlpatterns\s*\+=\s*\w+\(|router\.|import_module", module.text)
            if odd or any(isinstance(node, ast.For | ast.ListComp) for node in ast.walk(module.tree)):
                return None
            space = next((literal(value) for target, value, _ in module.assigned if target == "app_name"), None)
            for use in module.calls:
                if called(use.node) == "include" and use.node.args and self._is_foreign(module, use.node.args[0]):
                    found.add(f"{space}:*" if space else "*")
                name = argument(use.node, "-", "name")
                if called(use.node) in {"path", "re_path", "url"} and name is not None:
                    if (text := literal(name)) is None:
                        return None
                    found |= {f"{space}:{text}"} if space else {text}
        if "ROOT_URLCONF" not in self.text:
            found.add("*")  # of a project around this one
        return None if "namespace=" in self.text else frozenset(found)

    def _is_foreign(self, module: Module, node: ast.expr) -> bool:
        """Return whether the call includes addresses from another package."""
        name = literal(node)
        return name is None or (not self.python.owns(name, module.path) and self.may_be_installed(name))

    def _route_names(self) -> frozenset[str] | None:
        found = [name for module in self.modules for _, name in _routes(module, "name")]
        for use in (use for module in self.modules for use in module.calls):
            if called(use.node) in {"mount", "Mount", "Route", "WebSocketRoute", "add_route"}:
                node = argument(use.node, "-", "name")
                found += [literal(node)] if node is not None else []
        return None if None in found else frozenset(name for name in found if name)

    def may_be_installed(self, name: str) -> bool:
        """Whether the first part of a module's name is that of a package from outside."""
        top, needs = name.partition(".")[0], self.python.dependencies
        return top in {"django", *self.installed, *self.tops} or bool(needs and needs.provide(top))

    @cached_property
    def installed(self) -> frozenset[str]:
        """The first parts of the names of installed apps."""
        return frozenset(each.text.partition(".")[0] for module in self.modules for each in self.of(module, "app"))

    @cached_property
    def roots(self) -> tuple[str, ...]:
        """The folders in which templates are looked for."""
        named = {"templates"}
        for module in self.modules:
            words = re.findall(r"\b(?:template_folder|Jinja2Templates|FileSystemLoader|DIRS)\b", module.text)
            named.update(each.text.strip("./") for each in self.of(module, "folder") if words)
            for listed in re.findall(r"\bDIRS['\"]?\s*[:=]\s*\[([^\[\]]*+)\]", module.text):
                named.update(re.findall(r"['\"](\w+)['\"]", listed))
        return tuple(folder for folder in self.project.folders if f"/{folder}".endswith(tuple(f"/{n}" for n in named)))

    @cached_property
    def loads_elsewhere(self) -> bool:
        """Whether templates may come from elsewhere than the usual folders."""
        words = (
            r"\b(?:Dict|Function|Package|Choice|Prefix)Loader\b|jinja_loader|jinja_env\.loader"
            r"|template_folder=(?![^\n]*[\"'/]templates[\"'])[a-z_]"
        )
        texts = (module.text for module in self.python.modules.values())
        named = (
            each
            for module in self.modules
            for each in self.of(module, "folder")
            if "template" in module.text and not each.text.endswith("static")
        )
        unread = any(
            self.project.may_hold(each.text.strip("./")) or not self.knows(each.text.strip("./")) for each in named
        )
        return unread or any(re.search(words, text) for text in texts)

    def knows(self, folder: str) -> bool:
        """Return whether a folder is of the project, rather than of a package that brings templates."""
        return not folder or any(f"/{each}".endswith(f"/{folder}") for each in self.project.folders)

    def lacks_template(self, name: str, *, extended: bool = False) -> bool:
        """Return whether there is certainly no template of this name, which another one is made of if `extended`."""
        places = (posixpath.normpath(posixpath.join(root, name)) for root in self.roots)
        if self.loads_elsewhere or any(self.project.exists(place) for place in places):
            return False
        if not self.roots:
            return not self.project.ending(name) and self.knows(posixpath.dirname(name))
        top = name.partition("/")[0] if "/" in name else ""
        if "django" not in self.tops:
            return not self.extended or not top or self._holds(top)
        if top in CONTRIB:
            return False
        closed = all(app.startswith("django") or self.python.owns(app, "x.py") for app in self.installed)
        if "ROOT_URLCONF" in self.text and closed:
            return True
        moved = not extended and bool(self.project.ending(posixpath.basename(name)))
        return moved or (self.python.is_package(top) and self._holds(top))

    def _holds(self, folder: str) -> bool:
        """Return whether templates of the project are in a folder of this name."""
        return any(self.project.exists(posixpath.join(root, folder)) for root in self.roots)


def _routes(module: Module, keyword: str) -> Iterator[tuple[tuple[str, str], str | None]]:
    """The routes of a module: the variable of their owner, and the name; None for one that is computed."""
    for function in module.functions:
        for each in function.decorator_list:
            if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and each.func.attr in ROUTES:
                named = argument(each, "-", keyword)
                owner = getattr(each.func.value, "id", "")
                yield (module.path, owner), literal(named) if named is not None else function.name
    for use in module.calls:
        if called(use.node) in {"add_url_rule", "add_api_route"}:
            view = argument(use.node, "2", "view_func,endpoint" if keyword == "name" else "view_func")
            named = argument(use.node, "1" if keyword == "endpoint" else "-", keyword)
            if named is None and isinstance(view, ast.Call) and view.args:
                named = view.args[0]
            name = literal(named) if named is not None else getattr(view, "attr", None) or getattr(view, "id", None)
            yield (module.path, getattr(getattr(use.node.func, "value", None), "id", "")), name


def endpoints(references: References, module: Module) -> Iterator[Problem]:
    """An address is asked for by a name that no route has."""
    names = references.addresses
    for each in references.of(module, "endpoint") if names is not None else ():
        if re.fullmatch(r"[\w.:-]+", each.text) and not _is_there(references, each.text, names or frozenset()):
            yield each.problem("address", _no_address(each.text, names or frozenset()))


def page_endpoints(references: References, page: Page) -> Iterator[Problem]:
    """An address is asked for by a name that no route has."""
    names = references.addresses if not is_aside(page.path) else None
    linked = LINKED["django" if references.kind == "django" else "flask"]
    for found in linked.finditer(page.text) if names is not None else ():
        if names is not None and not _is_there(references, found[1], names):
            offset = len(page.text[: found.start(1)].encode(errors="replace"))
            yield page.problem(offset, "address", _no_address(found[1], names))


def _no_address(name: str, names: frozenset[str]) -> str:
    return f"no route is called `{name}`" + instead(name, names - {"*"}, "there is")


def _is_there(references: References, name: str, names: frozenset[str]) -> bool:
    if name in names or name.rpartition(".")[2] == "static":
        return True
    if references.kind == "flask":
        return name[0] == "." and any(each.endswith(name) for each in names)
    space = name.partition(":")[0]
    if f"{space}:*" in names:
        return True
    ours = any(each.startswith(f"{space}:") for each in names)
    return not ours if ":" in name else "*" in names or "." in name


def module_strings(references: References, module: Module) -> Iterator[Problem]:
    """A string names a module, or something in one, that is not there."""
    if module.loose or module.aside:
        return
    python, needs = references.python, references.python.dependencies
    told = set()
    for each in references.of(module, "app", "included", "settings", "module"):
        name, top = each.text, each.text.partition(".")[0]
        if each.kind == "settings" and not _follows(module, each.node, "DJANGO_SETTINGS_MODULE"):
            continue
        outside = each.kind == "module" or references.kind != "django" or references.may_be_installed(name)
        if each.kind == "app" and references.kind == "django":
            outside = needs is None or needs.provide(top) or top in {"django", *references.tops}
        if DOTTED.fullmatch(name) and python.owns(name, module.path):
            told.add(each.node)
            yield from _unresolved(references, module, name, each.node)
        elif (DOTTED.fullmatch(name) or each.kind == "app") and top not in python.project.stems and not outside:
            there = (folder for folder in python.submodules("") if folder and folder in python.project.folders)
            message = f"there is no module `{name}`" + instead(name, there, "there is")
            yield each.problem("module-string", message)
    if any(target == "INSTALLED_APPS" for target, _, _ in module.assigned):
        for node in (each for each in ast.walk(module.tree) if isinstance(each, ast.Constant) and each not in told):
            if (name := literal(node) or "") and DOTTED.fullmatch(name) and python.owns(name, module.path):
                yield from _unresolved(references, module, name, node)


def _follows(module: Module, node: ast.expr, name: str) -> bool:
    """Return whether an argument stands behind this one."""
    return any(node in use.node.args and literal(use.node.args[0]) == name for use in module.calls)


def _unresolved(references: References, module: Module, name: str, node: ast.expr) -> Iterator[Problem]:
    """A problem where a dotted name leads to no module, and to no name in one."""
    python = references.python
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


def templates(references: References, module: Module) -> Iterator[Problem]:
    """A template is named that is not there."""
    for each in references.of(module, "template"):
        if re.fullmatch(r"[^<\s]+\.\w+", each.text) and references.lacks_template(each.text):
            yield each.problem("python-template", _no_template(references, each.text))


def page_templates(references: References, page: Page) -> Iterator[Problem]:
    """A template is named that is not there."""
    inside = any(folder in references.roots for folder in above(page.path))
    for found in PARTS.finditer(page.text) if not is_aside(page.path) else ():
        name = found[1]
        if inside:
            missing = name[0] not in ".!" and references.lacks_template(name, extended=True)
        else:
            missing = not references.project.ending(name) and references.knows(posixpath.dirname(name))
        if missing:
            offset = len(page.text[: found.start(1)].encode(errors="replace"))
            yield page.problem(offset, "python-template", _no_template(references, name))


def _no_template(references: References, name: str) -> str:
    suffix = posixpath.splitext(name)[1]
    inside = ((path, root) for path in references.project.paths for root in references.roots if f"{root}/" in f"{path}")
    there = (posixpath.relpath(path, root) for path, root in inside if path.endswith(suffix))
    return f"there is no template `{name}`" + instead(name, there, "there is")


def named_files(references: References, module: Module) -> Iterator[Problem]:
    """A program names a file or a folder of its own that is not there."""
    project = references.project
    for each in references.of(module, "file", "folder", "asset"):
        plain = posixpath.normpath(each.text).lstrip("./")
        computed = not plain or re.search(r"[{}*<>:\\]|^/|^~", each.text) or is_built(project, f"{plain}/x")
        made = MAKING.search(module.text) or (each.kind != "folder" and not posixpath.splitext(plain)[1])
        usual = plain in {"static", "templates"} and "flask" in each.module.text
        if computed or made or usual or _is_somewhere(references, plain, each.module.path):
            continue
        kind = "folder" if each.kind == "folder" else "file"
        there = project.folders if kind == "folder" else project.paths
        message = f"there is no {kind} `{each.text}`" + instead(plain, (path for path in there if path), "there is")
        yield each.problem("python-file", message)


def _is_somewhere(references: References, plain: str, path: str) -> bool:
    """Return whether a path exists relative to any folder in which the program may be started, or is kept."""
    project = references.project
    ends = f"/{plain}"
    folders = any(f"/{folder}".endswith(ends) for folder in project.folders)
    return (
        folders
        or bool(project.ending(plain))
        or project.may_hold(plain)
        or project.may_hold(posixpath.join(posixpath.dirname(path), plain))
    )


def models(references: References, module: Module) -> Iterator[Problem]:
    """A class or a table of a database is named that no module defines."""
    for each in references.of(module, "model", "class", "table"):
        label, _, name = each.text.rpartition(".")
        if each.kind == "table":
            there: Iterable[str] = references_tables(references)
            wrong = bool(re.fullmatch(r"\w+\.\w+", each.text)) and label not in there and bool(there)
            message = f"no table is called `{label}`" + instead(label, there, "there is")
        else:
            there = {one.node.name for one in references.objects.classes.values()}
            folded = {each.lower() for each in there}  # as Django finds them
            ours = not label or any(posixpath.basename(folder) == label for folder in references.project.folders)
            wrong = ours and name.isidentifier() and name.lower() not in folded and name != "self"
            message = f"no class is called `{name}`" + instead(name, there, "there is")
        if wrong and not module.star and "automap" not in references.text and "/migrations/" not in f"/{module.path}":
            yield each.problem("module-string", message)


def references_tables(references: References) -> frozenset[str]:
    """Return the names of all tables, those among them that Flask-SQLAlchemy gives."""
    found = set(re.findall(r"__tablename__\s*(?::\s*\w+\s*)?=\s*['\"](\w+)", references.text))
    found |= set(re.findall(r"\bTable\(\s*['\"](\w+)", references.text))
    for one in references.objects.classes.values():
        found.add(re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", one.node.name).lower())
    return frozenset(found)


RULES: Final = {
    "address": (endpoints,),
    "module-string": (module_strings, models),
    "python-template": (templates,),
    "python-file": (named_files,),
}
PAGE_RULES: Final = {"address": (page_endpoints,), "python-template": (page_templates,)}
