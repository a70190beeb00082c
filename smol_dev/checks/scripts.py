"""JavaScript and TypeScript: what is imported from where, what is called, and whether it is there."""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from smol_dev.checks.manifests import is_built
from smol_dev.checks.packages import NODE, node_dependencies
from smol_dev.checks.project import Problem, above, beside, instead
from smol_dev.checks.web import OPEN, Script, Web, text_of

if TYPE_CHECKING:
    from tree_sitter import Node

ENDINGS: Final = " .js .mjs .cjs .jsx .ts .tsx .mts .cts .json .vue .svelte .d.ts .node .css .wasm .coffee".split(" ")
COMPILED: Final = {
    ".js": (".ts", ".tsx", ".jsx", ".d.ts"), ".mjs": (".mts", ".d.mts"), ".cjs": (".cts", ".d.cts"), ".jsx": (".tsx",),
    ".ts": (".d.ts",), ".mts": (".d.mts",), ".cts": (".d.cts",),
}  # fmt: skip
INHERITED: Final = frozenset(
    "then prototype default constructor hasOwnProperty toString call apply bind name length".split()
)
CONFIGURATION: Final = re.compile(
    r"(?:^|/)(?:[tj]sconfig[^/]*\.json|(?:vite|vitest|webpack|rollup|babel|jest|next|metro)[\w.-]*\.\w+|deno\.jsonc?|import_map\.json)$"
)
"""Files that may give packages other names."""

SIDE: Final = frozenset(
    "examples example docs doc test tests __tests__ spec fixtures __fixtures__ scripts website bench benchmarks e2e cypress".split()
)
TESTING: Final = re.compile(r"\.(?:test|spec|stories|e2e|cy)\.")
CALLABLE: Final = frozenset(
    "alert atob blur btoa cancelAnimationFrame cancelIdleCallback clearInterval clearTimeout close confirm createImageBitmap"
    " fetch find focus getComputedStyle getSelection matchMedia moveBy moveTo open postMessage print prompt queueMicrotask"
    " reportError requestAnimationFrame requestIdleCallback resizeBy resizeTo scroll scrollBy scrollTo setInterval setTimeout"
    " stop structuredClone addEventListener removeEventListener dispatchEvent importScripts skipWaiting getScreenDetails"
    " showOpenFilePicker showSaveFilePicker showDirectoryPicker queryLocalFonts eval isFinite isNaN parseFloat parseInt"
    " decodeURI decodeURIComponent encodeURI encodeURIComponent escape unescape Object Array Boolean Symbol Number BigInt"
    " Date RegExp String Error AggregateError EvalError RangeError ReferenceError SyntaxError TypeError URIError Function"
    " require define await yield setImmediate clearImmediate gc async registerProcessor registerPaint ActiveXObject Promise Proxy Map Set"
    " webkitRequestAnimationFrame mozRequestAnimationFrame openDatabase captureEvents releaseEvents getEventListeners".split()
)
"""The functions that every browser or Node has."""

BROWSER: Final = frozenset(
    "alert blur captureEvents close confirm find focus getSelection moveBy moveTo open print prompt releaseEvents resizeBy"
    " resizeTo scroll scrollBy scrollTo stop".split()
)
"""Those that only a window has."""

CORE: Final = frozenset("fs path os http https readline util express mongoose axios".split())
"""The modules whose names nothing else has in a script for Node."""

GLOBAL: Final = CALLABLE | frozenset(
    "hasOwnProperty isPrototypeOf propertyIsEnumerable toLocaleString toString valueOf constructor TaskController ImageBitmap"
    " Buffer undefined arguments globalThis window self global document console process module exports __dirname __filename"
    " JSON Math Reflect Atomics Intl Infinity NaN WeakMap WeakSet WeakRef FinalizationRegistry Iterator Temporal WebAssembly"
    " DataView ArrayBuffer SharedArrayBuffer Attr Blob BarProp Cache CacheStorage CaretPosition CharacterData Client Clients"
    " Clipboard ClipboardItem Comment Crypto CryptoKey SubtleCrypto DataTransfer DataTransferItem Document DocumentFragment"
    " DocumentType DragEvent Element ElementInternals Event EventSource EventTarget External File FileReader FileReaderSync"
    " FontFace FontFaceSet FormData Gamepad Geolocation Headers Highlight History Image ImageData Iterator KeyframeEffect"
    " Location Lock LockManager MathMLElement MessageChannel MessagePort MimeType NamedNodeMap Navigator Node NodeFilter"
    " Notification Option Path2D Permissions Plugin Range Request Response Sanitizer Scheduler Screen Selection ShadowRoot"
    " Storage StyleSheet Text TextDecoder TextEncoder TextMetrics TimeRanges Touch TreeWalker URL URLSearchParams"
    " AbortController AbortSignal BroadcastChannel ValidityState VisualViewport WebSocket Window WorkerNavigator Worklet"
    " CustomElementRegistry Animation AnimationEffect AnimationTimeline DocumentTimeline NavigationPreloadManager"
    " StorageManager SpeechSynthesisUtterance SpeechRecognition webkitSpeechRecognition webkitAudioContext webkitURL"
    " MozWebSocket WebKitMutationObserver caches closed clientInformation cookieStore crossOriginIsolated crypto"
    " customElements devicePixelRatio event external frames frameElement history indexedDB innerHeight innerWidth"
    " isSecureContext length localStorage location name navigator navigation opener orientation origin outerHeight"
    " outerWidth pageXOffset pageYOffset parent performance scheduler screen screenLeft screenTop screenX screenY"
    " scrollX scrollY sessionStorage speechSynthesis status top visualViewport clients registration trustedTypes"
    " currentFrame currentTime sampleRate Deno Bun chrome browser exports this super".split()
)
"""The names that every browser or Node has."""

PLATFORM: Final = re.compile(
    r"(?:HTML|SVG|CSS|DOM|IDB|RTC|WebGL|GPU|XR|XML|XPath|XSLT|VTT|MIDI|Performance|Media|Audio|Offline|Offscreen"
    r"|ServiceWorker|Push|Payment|Credential|PublicKey|Web)\w*|(?=[A-Z])\w*(?:Event|Observer|Node|Stream|Worker|Scope|Error|Array|List)"
)
"""The families of the names that a browser has."""

NO_USE: Final = frozenset(
    "export_specifier namespace_export import_specifier jsx_closing_element jsx_namespace_name nested_identifier"
    " nested_type_identifier type_query type_predicate asserts index_signature unary_expression".split()
)
"""The nodes whose identifiers name nothing that has to be there when the script runs."""

MADE: Final = re.compile(r"nuxt|auto-import|wxt|plasmo|\bProvidePlugin\b|esbuild-inject")
"""What a manifest or a configuration says where functions need no import."""

DEEPEST: Final = 40
LONGEST_CHAIN: Final = 100


@dataclass(frozen=True)
class Wanted:
    """One import: what is asked of which module. `names` are pairs of a name and its node."""

    source: str
    node: "Node"
    names: "tuple[tuple[str, Node], ...]" = ()
    whole: str = ""
    optional: bool = False
    types: bool = False
    common: bool = False


def _literal(node: "Node") -> str:
    return text_of(node)[1:-1]


def _imported(node: "Node") -> Wanted | None:
    source = node.child_by_field_name("source")
    if source is None:
        return None
    types = any(child.type == "type" for child in node.children)
    names: list[tuple[str, Node]] = []
    whole = ""
    for clause in (child for child in node.named_children if child.type == "import_clause"):
        for part in clause.named_children:
            if part.type == "identifier":
                names.append(("default", part))
            elif part.type == "namespace_import":
                whole = text_of(part.named_children[-1])
            else:
                names += _specifiers(part)
    return Wanted(_literal(source), source, tuple(names), whole, types=types)


def _specifiers(clause: "Node") -> "list[tuple[str, Node]]":
    named = ((each.child_by_field_name("name"), each) for each in clause.named_children)
    return [(text_of(name), each) for name, each in named if name is not None]


def _reexported(node: "Node") -> Wanted | None:
    source = node.child_by_field_name("source")
    if source is None:
        return None
    clauses = [child for child in node.named_children if child.type == "export_clause"]
    names = [
        (text_of(name), each)
        for clause in clauses
        for each in clause.named_children
        if (name := each.child_by_field_name("name")) is not None
    ]
    return Wanted(_literal(source), source, tuple(names), types=any(c.type == "type" for c in node.children))


def _called(node: "Node") -> Wanted:
    call = node.parent.parent if node.parent else None
    outer = call.parent if call else None
    names: list[tuple[str, Node]] = []
    whole = ""
    if outer is not None and outer.type == "variable_declarator":
        pattern = outer.child_by_field_name("name")
        if pattern is not None and pattern.type == "identifier":
            whole = text_of(pattern)
        for part in pattern.named_children if pattern is not None and pattern.type == "object_pattern" else ():
            key = part.child_by_field_name("key") or part
            if key.type in {"shorthand_property_identifier_pattern", "property_identifier"}:
                names.append((text_of(key), key))
    optional, depth, up = False, 0, node.parent
    while up is not None and not optional:
        depth += 1
        optional = depth > DEEPEST or up.type in {"try_statement", "if_statement", "ternary_expression"}
        up = up.parent
    return Wanted(_literal(node), node, tuple(names), whole, optional=optional, common=True)


def _exported(node: "Node") -> set[str] | None:
    """Return the names of one export statement; None for all that another module exports, or for an odd form."""
    kinds = {child.type for child in node.children}
    names: set[str] = set()
    if "default" in kinds:
        return {"default"}
    if "=" in kinds or "import" in kinds or ("*" in kinds and "namespace_export" not in kinds):
        return None
    for part in node.named_children:
        if part.type == "export_clause":
            for each in part.named_children:
                name = each.child_by_field_name("alias") or each.child_by_field_name("name")
                names |= {text_of(name).strip("\"'")} if name is not None else set()
        elif part.type == "namespace_export":
            names.add(text_of(part.named_children[-1]))
        elif part.type in {"string", "comment", "decorator"}:
            continue
        elif part.type in {"lexical_declaration", "variable_declaration"}:
            for each in part.named_children:
                if (pattern := each.child_by_field_name("name")) is not None:
                    names |= set(re.findall(r"[\w$]+", text_of(pattern)))
        elif (declared := _declared(part)) is not None:
            names.add(declared)
        else:
            return None
    return names


def _declared(node: "Node") -> str | None:
    name = node.child_by_field_name("name")
    if name is not None:
        return text_of(name)
    inner = [
        each for each in node.named_children if each.child_by_field_name("name") is not None or each.named_children
    ]
    for each in inner:
        if each.type in {"lexical_declaration", "variable_declaration"}:
            found = each.named_children[0].child_by_field_name("name") if each.named_children else None
            return text_of(found) if found is not None else None
        if (inside := _declared(each)) is not None:
            return inside
    return None


class Scripts:
    """The scripts of a project, with what each imports and exports."""

    def __init__(self, web: Web) -> None:
        self.web = web
        self.project = web.project
        self._exports: dict[tuple[str, bool], frozenset[str] | None] = {}

    @cached_property
    def units(self) -> list[Script]:
        """Every script, those in pages as well."""
        inline = (script for page in self.web.pages for _, script in page.inline)
        return [*self.web.scripts.values(), *inline]

    @cached_property
    def configuration(self) -> str:
        """What may give packages and functions other names."""
        return "\n".join(
            text
            for path, text in self.project.files.items()
            if CONFIGURATION.search(path)
            or path.endswith("package.json")
            or (path.endswith(".html") and "importmap" in text)
        )

    @cached_property
    def aliased(self) -> str | None:
        """The folder at the root that `@/` stands for; None where that is not certain."""
        found = set(re.findall(r"[\"']@/\*[\"']\s*:\s*\[\s*[\"']\.?/?([\w/-]*/)\*[\"']\s*\]", self.configuration))
        plain = len([path for path in self.project.names.get("package.json", ()) if path]) == 1
        return found.pop() if len(found) == 1 and plain and "package.json" in self.project.files else None

    @cached_property
    def declares(self) -> bool:
        """Whether a file of declarations gives names to every script."""
        return any(path.endswith(".d.ts") for path in self.project.paths)

    def resolve(self, path: str, source: str) -> str | None:
        """Return the file that a relative import means; None where there is none."""
        target = beside(path, source.partition("?")[0])
        if target is None:
            return None
        stem, ending = posixpath.splitext(target)
        folder = f"{target}/" if target else ""
        candidates = [
            *(target + each for each in ENDINGS),
            *(stem + each for each in COMPILED.get(ending, ())),
            *(f"{folder}index{each}" for each in ENDINGS[1:]),
            f"{folder}package.json",
        ]
        return next((each for each in candidates if each in self.project.paths), None)

    def exports(self, path: str, *, common: bool, seen: frozenset[str] = frozenset()) -> frozenset[str] | None:
        """Return the names that can be imported from a file; None when that is not known."""
        script = self.web.scripts.get(path)
        if script is None or path in seen or len(seen) > LONGEST_CHAIN:
            return None
        if (path, common) not in self._exports:
            names: frozenset[str] | None
            if script.is_module and not script.is_common:
                names = self._module_exports(script, seen | {path})
            elif not common and not script.is_module and not OTHERWISE.search(script.text):
                names = frozenset()
            else:
                names = _common_exports(script) if common and not script.is_module else None
            self._exports[path, common] = names
        return self._exports[path, common]

    def _module_exports(self, script: Script, seen: frozenset[str]) -> frozenset[str] | None:
        names: set[str] = set()
        for node in script.found.get("export", ()):
            got = _exported(node)
            if got is None:
                source = node.child_by_field_name("source")
                target = self.resolve(script.path, _literal(source)) if source is not None else None
                all_names = self.exports(target, common=False, seen=seen) if target else None
                if all_names is None:
                    return None
                got = set(all_names) - {"default"}
            names |= got
        return frozenset(names)


def _common_exports(script: Script) -> frozenset[str] | None:
    """Return the names on `module.exports`; None when that is not known."""
    names: set[str] = set()
    for left in script.found.get("assigned", ()):
        target = text_of(left)
        right = left.parent.child_by_field_name("right") if left.parent else None
        if target in {"module.exports", "exports"}:
            keys = _keys(right) if right is not None else None
            if keys is None:
                return None
            names |= keys
        elif match := re.fullmatch(r"(?:module\.)?exports\.([\w$]+)", target):
            names.add(match[1])
    rest = re.sub(r"(?:\bmodule\.|\b)exports(?:\.[\w$]+)?\s?=", "", script.text)
    open_ended = re.search(r"\bexports[ ,)\[;]", rest)
    return frozenset(names) if names and open_ended is None else None


def _keys(node: "Node") -> set[str] | None:
    """Return the keys of an object that is written out; None for any other."""
    names: set[str] = set()
    for part in node.named_children if node.type == "object" else [node]:
        name = part.child_by_field_name("key") or part.child_by_field_name("name")
        if part.type == "shorthand_property_identifier":
            names.add(text_of(part))
        elif part.type != "comment":
            if name is None or name.type != "property_identifier":
                return None
            names.add(text_of(name))
    return names


def _wanted(script: Script) -> Iterator[Wanted]:
    """Yield every import, in whatever form, from a module that is named by a literal."""
    yield from (each for node in script.found.get("import", ()) if (each := _imported(node)))
    yield from (each for node in script.found.get("export", ()) if (each := _reexported(node)))
    yield from (_called(node) for node in script.found.get("called", ()))


OTHERWISE: Final = re.compile(r"exports|\bdefine\(")
"""What a script says that exports in the ways of old."""

LOCAL: Final = re.compile(r"\.{1,2}(?:/|$)|/[\w./-]+\.(?:m?js|css|json)$")


def imports(scripts: Scripts, script: Script) -> Iterator[Problem]:
    """A file is imported that is not there, or a name that it does not export."""
    for want in _wanted(script):
        source, project = want.source, scripts.project
        if source.startswith("@/") and (folder := scripts.aliased) is not None:
            source = f"./{posixpath.relpath(folder + source[2:], posixpath.dirname(script.path) or '.')}"
        odd = want.optional or "!" in source or "${" in source or is_built(project, source)
        if odd or not LOCAL.match(source):
            continue
        target = beside(script.path, source.lstrip("/")) if source[0] == "/" else beside(script.path, source)
        found = scripts.resolve(script.path, source)
        if source[0] == "/":
            found = found or next(iter(project.ending(source)), None)
        if found is not None:
            yield from _names(scripts, script, want, found)
        elif target is not None and not _may_be(scripts, script, source, target):
            yield script.problem(want.node, "script-import", _no_file(scripts, script, source, target))


def _may_be(scripts: Scripts, script: Script, source: str, target: str) -> bool:
    known = scripts.project.exists(target) or "importScripts" in script.text
    return known or "generated" in source


def _no_file(scripts: Scripts, script: Script, source: str, target: str) -> str:
    folder = posixpath.dirname(script.path) or "."
    there = scripts.project.listing.get(posixpath.dirname(target), ())
    shown = (posixpath.relpath(each, folder) for each in there if each != script.path)
    names = (each if each.startswith("..") else f"./{each}" for each in shown)
    return f"there is no file `{source}`" + instead(source, names, "there is")


def _names(scripts: Scripts, script: Script, want: Wanted, found: str) -> Iterator[Problem]:
    names = scripts.exports(found, common=want.common)
    for name, node in (*want.names, *_members(script, want, names)) if names is not None else ():
        if names is not None and name not in names:
            message = f"`{found}` does not export `{name}`" + instead(name, names, "it exports")
            yield script.problem(node, "script-import", message)


def _members(script: Script, want: Wanted, names: frozenset[str] | None) -> "Iterator[tuple[str, Node]]":
    """Yield what is used of a module that was imported whole, where nothing else has its name."""
    if names is None or "default" in names or script.declared[want.whole] != 1:
        return
    objects, assigned, passed = script.members
    if want.whole in passed:
        return
    for node in objects.get(want.whole, ()):
        name = text_of(node)
        if name not in INHERITED and (want.whole, name) not in assigned:
            yield name, node


def local_exports(_: Scripts, script: Script) -> Iterator[Problem]:
    """A name is exported that the file does not define."""
    names: list[Node] = []
    for node in script.found.get("export", ()):
        clauses = [each for each in node.named_children if each.type == "export_clause"]
        if node.child_by_field_name("source") is None:
            parts = (each for clause in clauses for each in clause.named_children)
            names += [each for part in parts if (each := part.child_by_field_name("name"))]
    for left in script.found.get("assigned", ()):
        right = left.parent.child_by_field_name("right") if left.parent else None
        if right is not None and right.type == "object" and EXPORTS.fullmatch(text_of(left)):
            names += [e for e in right.named_children if e.type == "shorthand_property_identifier"]
    for node in names:
        name = text_of(node)
        known = name in script.declared or (name in GLOBAL and name not in _absent(script))
        if not known and not OPEN.search(script.text):
            message = f"`{name}` is exported, and not defined"
            yield script.problem(node, "script-import", message + instead(name, script.declared, "defined here"))


EXPORTS: Final = re.compile(r"module\.exports|exports")


def names(scripts: Scripts, script: Script) -> Iterator[Problem]:
    """A name is used that no script defines."""
    if _is_side(script.path) or OPEN.search(script.text):
        return
    visible = _visible(scripts, script)
    if visible is None:
        return
    absent = _absent(script)
    for node in script.found.get("used", ()):
        name = text_of(node)
        if name in script.declared or name in visible or (name in GLOBAL and name not in absent):
            continue
        if _is_use(script, node, name):
            use = "called" if node.parent and node.parent.type == "call_expression" else "used"
            there = {*script.declared, *visible}
            message = f"`{name}` is {use}, and not defined" + instead(name, there, "there is")
            yield script.problem(node, "script-name", message)


def _is_use(script: Script, node: "Node", name: str) -> bool:
    """Whether a script stops where it comes to a name that nothing defines."""
    parent = node.parent
    if re.search(r"\{\{|\{%|<[%?]", script.text) and (parent is None or parent.type != "call_expression"):
        return False  # a value of the template
    if parent is None or parent.type in NO_USE or name[0] in "$_" or PLATFORM.fullmatch(name):
        return False
    if parent.type.endswith("_parameter") and parent.parent is not None and parent.parent.type == "tuple_type":
        return False  # the label of a part
    if parent.type.startswith("jsx_") and name[0].islower() and parent.type != "jsx_expression":
        return False  # an element of HTML
    return name not in script.asked


def _absent(script: Script) -> frozenset[str]:
    """Return the functions of a browser that a script does without, as it is written for Node."""
    return BROWSER if script.is_common or script.path.endswith(".mjs") else frozenset()


def _visible(scripts: Scripts, script: Script) -> frozenset[str] | None:
    """Return the names of other scripts that a script sees; None where they cannot be known."""
    web = scripts.web
    pages = [script.source] if script.source in web.pages else web.loaders.get(script.path, [])
    names: frozenset[str] = frozenset()
    for page in pages:
        around = web.surroundings(page)
        if around.outside or around.is_open:
            return None
        names |= around.plain | page.ids
    if pages:
        return names
    closed = script.is_module or script.is_common
    made = MADE.search(scripts.configuration) or (script.language != "javascript" and scripts.declares)
    return web.attached if closed and not made else None


def _is_side(path: str) -> bool:
    return bool(SIDE.intersection(path.split("/")[:-1])) or TESTING.search(path) is not None


def packages(scripts: Scripts, script: Script) -> Iterator[Problem]:
    """A package is imported that no package.json names."""
    known = node_dependencies(scripts.project, script.path)
    if known is None or _is_side(script.path) or script.start:
        return
    for want in _wanted(script):
        name = _package(want)
        if name and name not in known[0] and not _is_local(scripts, script, name):
            message = f"`{name}` is imported, and `{known[1]}` does not name it"
            yield script.problem(want.node, "script-dependency", message)


def _package(want: Wanted) -> str | None:
    """Return the package that an import needs when it runs; None for Node's own and for files."""
    named = re.match(r"((?:@[\w.-]+/)?[a-zA-Z][\w.-]*)(?:/|$)", want.source)
    if want.optional or want.types or "!" in want.source or named is None:
        return None
    return None if named[1] in NODE else named[1]


def _is_local(scripts: Scripts, script: Script, name: str) -> bool:
    """Return whether a package's name may mean a folder of the project, by its place or its configuration."""
    first = name.partition("/")[0]
    if any(posixpath.join(each, first) in scripts.project.folders for each in above(script.path)):
        return True
    alias = rf"(?<![\w@/.-]){re.escape(first)}(?:/\*|\$|/)?[\"']?\s*:"
    based = "baseUrl" in scripts.configuration and first in scripts.project.stems
    return based or re.search(alias, scripts.configuration) is not None


RULES: Final = {"script-import": (imports, local_exports), "script-name": (names,), "script-dependency": (packages,)}
