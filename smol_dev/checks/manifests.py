"""Manifests: what a project says it needs, and the files that it names."""

import posixpath
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from smol_dev.checks.project import Problem, Project, above, beside, instead, line_and_column

DISTRIBUTIONS: Final = {
    "yaml": "pyyaml", "PIL": "pillow", "cv2": "opencv-python opencv-python-headless opencv-contrib-python",
    "sklearn": "scikit-learn", "skimage": "scikit-image", "bs4": "beautifulsoup4", "dateutil": "python-dateutil",
    "dotenv": "python-dotenv", "jwt": "pyjwt", "jose": "python-jose", "OpenSSL": "pyopenssl", "Crypto": "pycryptodome pycrypto",
    "serial": "pyserial", "usb": "pyusb", "MySQLdb": "mysqlclient", "psycopg2": "psycopg2 psycopg2-binary",
    "attr": "attrs", "magic": "python-magic", "docx": "python-docx", "pptx": "python-pptx", "telegram": "python-telegram-bot",
    "discord": "discord-py py-cord", "git": "gitpython", "github": "pygithub", "gi": "pygobject", "wx": "wxpython",
    "fitz": "pymupdf", "slugify": "python-slugify", "markdown": "markdown", "multipart": "python-multipart",
    "pkg_resources": "setuptools", "zmq": "pyzmq", "nacl": "pynacl", "ldap": "python-ldap", "socks": "pysocks",
    "websocket": "websocket-client", "socketio": "python-socketio", "engineio": "python-engineio", "faiss": "faiss-cpu faiss-gpu",
    "flask_sqlalchemy": "flask-sqlalchemy", "rest_framework": "djangorestframework", "corsheaders": "django-cors-headers",
    "environ": "django-environ", "decouple": "python-decouple", "psycopg": "psycopg psycopg-binary", "googleapiclient": "google-api-python-client",
    "OpenGL": "pyopengl", "win32api": "pywin32", "Xlib": "python-xlib", "Levenshtein": "levenshtein python-levenshtein",
    "snappy": "python-snappy", "mpl_toolkits": "matplotlib", "pylab": "matplotlib", "sentence_transformers": "sentence-transformers",
    "kafka": "kafka-python", "consul": "python-consul", "barcode": "python-barcode", "ruamel": "ruamel-yaml",
    "tree_sitter": "tree-sitter", "pydantic_core": "pydantic", "starlette": "starlette fastapi", "lxml_html_clean": "lxml",
}  # fmt: skip
"""The distributions of the imports that are called otherwise."""

BRINGS: Final = {
    "flask": "werkzeug jinja2 markupsafe itsdangerous click blinker", "django": "asgiref sqlparse",
    "fastapi": "starlette pydantic pydantic_core typing_extensions anyio annotated_types uvicorn httpx jinja2",
    "starlette": "anyio", "pandas": "numpy dateutil pytz six", "matplotlib": "numpy PIL dateutil cycler kiwisolver packaging pyparsing",
    "seaborn": "matplotlib numpy pandas", "scikit-learn": "numpy scipy joblib threadpoolctl", "scipy": "numpy",
    "requests": "urllib3 certifi idna charset_normalizer chardet", "httpx": "httpcore anyio h11 certifi idna sniffio",
    "openai": "httpx pydantic anyio tqdm typing_extensions distro", "aiohttp": "multidict yarl attr aiosignal frozenlist",
    "uvicorn": "click h11", "pydantic": "typing_extensions annotated_types pydantic_core", "pydantic-settings": "pydantic dotenv",
    "torch": "numpy sympy jinja2 typing_extensions networkx", "torchvision": "torch numpy PIL", "tensorflow": "numpy keras absl google h5py six tensorboard",
    "keras": "numpy h5py", "transformers": "numpy requests tqdm yaml huggingface_hub tokenizers safetensors regex packaging filelock",
    "typer": "click rich", "rich": "pygments markdown_it", "jinja2": "markupsafe", "sqlalchemy": "greenlet typing_extensions",
    "alembic": "sqlalchemy mako", "celery": "kombu billiard amqp vine click", "boto3": "botocore s3transfer jmespath", "opencv-python": "numpy",
    "flask-sqlalchemy": "flask sqlalchemy", "flask-login": "flask werkzeug", "flask-wtf": "flask wtforms", "flask-migrate": "flask alembic flask_sqlalchemy",
    "djangorestframework": "django", "streamlit": "pandas numpy altair PIL requests tornado pyarrow", "gradio": "fastapi numpy pandas httpx pydantic PIL",
    "pytest": "pluggy iniconfig packaging", "scrapy": "twisted lxml parsel w3lib", "selenium": "urllib3 trio", "nltk": "click joblib regex tqdm",
    "xgboost": "numpy scipy", "lightgbm": "numpy scipy", "statsmodels": "numpy pandas scipy patsy", "plotly": "tenacity packaging",
    "dash": "flask plotly werkzeug", "beautifulsoup4": "soupsieve", "pyjwt": "cryptography", "sqlmodel": "sqlalchemy pydantic",
    "jsonschema": "attr referencing rpds", "textual": "rich", "langchain": "pydantic yaml requests numpy langchain_core sqlalchemy",
    "pygame-ce": "pygame", "sphinx": "docutils jinja2 pygments", "twisted": "zope attr", "setuptools": "pkg_resources",
}  # fmt: skip
"""The imports that a distribution brings with it."""


TELLING: Final = 4
"""The letters by which parts of one distribution are known."""


def folded(name: str) -> str:
    """Return a distribution's or an import's name, as far as it counts."""
    return re.sub(r"[-_.]+", "", name).lower()


@dataclass(frozen=True)
class Dependencies:
    """The distributions that a project's manifests name, and the files that are its manifests."""

    names: frozenset[str]
    files: tuple[str, ...]

    def provide(self, top: str) -> bool:
        """Return whether one of them may hold the package that is imported by this name."""
        likely = {top, *DISTRIBUTIONS.get(top, "").split()}
        wanted = {folded(name) for name in likely}
        for name in self.names:
            plain = name.lower().replace("_", "-")
            brought = {folded(each) for each in BRINGS.get(plain, "").split()}
            shapes = {
                plain,
                *re.split("[-.]", plain),
                plain.removeprefix("python-"),
                plain.removeprefix("py"),
                plain.removesuffix("-python"),
                plain.removeprefix("django-"),
                plain.removesuffix("-py"),
            }
            if wanted & (brought | {folded(shape) for shape in shapes}):
                return True
            if folded(top) in folded(plain):
                return True
            if top not in DISTRIBUTIONS and len(top) > TELLING and folded(plain)[:TELLING] == folded(top)[:TELLING]:
                return True  # parts of a distribution have names like its own
        return False

    def usual(self, top: str) -> str:
        """Return the distribution to add for an import."""
        return (DISTRIBUTIONS.get(top) or top).split()[0]


OTHER_MANIFESTS: Final = frozenset(
    "setup.py setup.cfg Pipfile environment.yml environment.yaml conda.yaml meta.yaml".split()
)


def _lists_requirements(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    named = "requirements" in name or posixpath.basename(folder) == "requirements"
    return named and name.endswith((".txt", ".in"))


def python_dependencies(project: Project) -> Dependencies | None:
    """Return what the manifests name; None without one, or with one that cannot be read to its end."""
    names: set[str] = set()
    files: list[str] = []
    if any(name in project.names for name in OTHER_MANIFESTS):
        return None
    for path, text in project.files.items():
        if _lists_requirements(path):
            found = requirements(text)
        elif posixpath.basename(path) == "pyproject.toml":
            found = from_pyproject(text)
        else:
            continue
        if found is None:
            return None
        if found or _lists_requirements(path):
            files.append(path)
        names |= found
    return Dependencies(frozenset(names), tuple(files)) if files else None


def requirements(text: str) -> set[str] | None:
    """Return the names in a requirements file; None when a line names a distribution by its place alone."""
    names = set()
    for line in (each.partition(" #")[0].strip() for each in text.splitlines()):
        if not line or line.startswith(("#", "-r", "--", "-c")):
            continue
        match = re.match(r"([A-Za-z0-9][\w.-]*)\s*(?:\[|[<>=!~;@,]|$)", line) or re.search(r"[#&]egg=([\w.-]+)", line)
        if match is None:
            return None
        names.add(match[1])
    return names


def from_pyproject(text: str) -> set[str] | None:
    """Return the names in a pyproject.toml; None when some of them are made when it is built."""
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return None
    project, tool = table(document.get("project")), table(document.get("tool"))
    if "dependencies" in project.get("dynamic", ()):
        return None
    names: set[str] = set()
    lists = [
        project.get("dependencies", ()),
        *table(project.get("optional-dependencies")).values(),
        *table(document.get("dependency-groups")).values(),
        table(tool.get("uv")).get("dev-dependencies", ()),
    ]
    for entry in (entry for each in lists if isinstance(each, list) for entry in each if isinstance(entry, str)):
        names |= requirements(entry) or set()
    poetry = table(tool.get("poetry"))
    groups = [table(group).get("dependencies") for group in table(poetry.get("group")).values()]
    for each in (poetry.get("dependencies"), poetry.get("dev-dependencies"), *groups):
        names |= set(table(each))
    if not names and "dependencies" not in project and not poetry:
        return set()
    return names | {str(project.get("name") or poetry.get("name") or "")} - {""}


def table(value: object) -> Mapping[str, Any]:
    """Return the value if it is a table, else an empty one."""
    return value if isinstance(value, dict) else {}


BUILT: Final = frozenset(
    "dist build out lib target public node_modules .next pkg _site coverage es cjs esm bin generated gen".split()
)
RUNNERS: Final = re.compile(
    r"(?:^|&&|\|\||;|\s)(?:node|nodemon|ts-node|tsx|python3?|bash|sh)\s++(?:-[\w=-]++\s++)*+([\w./-]+\.(?:[cm]?[jt]sx?|py|sh))(?=\s|$)"
)


def is_built(project: Project, path: str) -> bool:
    """Return whether a path is of a folder that a build fills, and has not filled yet."""
    folders = path.strip("./").split("/")[:-1]
    made = [at for at, name in enumerate(folders) if name in BUILT]
    return bool(made) and not any(
        each == (inner := "/".join(folders[: made[0] + 1])) or each.endswith(f"/{inner}") for each in project.folders
    )


def named_files(project: Project, path: str) -> Iterator[Problem]:
    """A manifest names a file that is not there."""
    name = posixpath.basename(path)
    reader = READERS.get(name) or READERS.get(name.lower())
    if reader is not None:
        yield from reader(project, path, project.files[path])


def missing(project: Project, path: str, text: str, named: str, offset: int) -> Iterator[Problem]:
    """Yield a problem where a file that is named in a manifest is not there."""
    target = beside(path, named.lstrip("/"))
    if target is None or is_built(project, named) or project.exists(target) or project.exists(target.removesuffix("/")):
        return
    line, column = line_and_column(text, max(0, offset))
    folder = posixpath.dirname(target)
    there = (each for each in project.paths if posixpath.dirname(each) == folder)
    yield Problem(
        path, line, column, "manifest-file", f"there is no file `{named}`" + instead(target, there, "there is")
    )


def _pyproject(project: Project, path: str, text: str) -> Iterator[Problem]:
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return
    about = table(document.get("project"))
    readme = about.get("readme")
    readme = table(readme).get("file", readme)
    if isinstance(readme, str):
        yield from missing(project, path, text, readme, text.find(readme))
    for value in (
        *table(about.get("scripts")).values(),
        *table(table(table(document.get("tool")).get("poetry")).get("scripts")).values(),
    ):
        if isinstance(value, str):
            yield from _entry_point(project, path, text, value)


def _entry_point(project: Project, path: str, text: str, value: str) -> Iterator[Problem]:
    module, _, function = value.partition(":")
    base, folder = module.strip().replace(".", "/"), posixpath.dirname(path)
    files = [f"{base}.py", f"{base}/__init__.py"]
    found = [
        file
        for root in (folder, posixpath.join(folder, "src"))
        for each in files
        if (file := posixpath.join(root, each)) in project.paths
    ]
    line, column = line_and_column(text, max(0, text.find(value)))
    top = base.split("/")[0]
    if not found:
        # A package whose folder is mapped to another place is not judged.
        mapped = re.search(r"\bpackage[-_]dir\b|\bwhere\b|\bsources\b", text)
        places = (posixpath.join(folder, root, top) for root in ("", "src"))
        if mapped is None and any(project.exists(place) for place in places):
            yield Problem(
                path, line, column, "manifest-file", f"there is no module `{module}` for the script `{value}`"
            )
        return
    name = function.strip().split("[")[0].split(".")[0]
    source = project.files.get(found[0])
    if name and source is not None and "import *" not in source and not re.search(rf"\b{re.escape(name)}\b", source):
        yield Problem(
            path, line, column, "manifest-file", f"`{found[0]}` does not define `{name}`, the script `{value}`"
        )


def _dockerfile(project: Project, path: str, text: str) -> Iterator[Problem]:
    for match in re.finditer(
        r"^[ \t]*(?:COPY|ADD)[ \t]+(?!.*(?:--from|<<|\\\s*$|\[))((?:--\S+[ \t]+)*)(.+)$",
        text,
        re.MULTILINE | re.IGNORECASE,
    ):
        *sources, _ = match[2].split()
        for source in sources:
            plain = source.strip("\"'").removeprefix("./").rstrip("/")
            program = "." not in plain and "go.mod" in project.names  # built before the image is
            if program or re.search(r"[*?$:\[]", plain) or plain in {"", "."} or is_built(project, plain + "/x"):
                continue
            bases = [posixpath.join(folder, plain) for folder in above(path)]
            if not any(project.exists(posixpath.normpath(each)) for each in bases) and not plain.endswith(
                (".jar", ".lock", "-lock.json")
            ):
                offset = match.start(2) + match[2].find(source)
                yield from missing(project, path, text, plain, offset)
    for match in re.finditer(
        r"^[ \t]*(?:CMD|ENTRYPOINT)[ \t]+\[\s*\"(?:python3?|node)\",\s*\"([\w./-]+\.(?:py|[cm]?js))\"",
        text,
        re.MULTILINE,
    ):
        places = re.findall(r"^WORKDIR[ \t]+(/[\w./-]+)", text, re.MULTILINE)
        own = any(match[1].startswith(f"{each.rstrip('/')}/") for each in places)
        if (
            (own or not match[1].startswith("/"))
            and not project.ending(posixpath.basename(match[1]))
            and not is_built(project, match[1])
        ):
            yield from missing(project, path, text, match[1], match.start(1))


def _makefile(project: Project, path: str, text: str) -> Iterator[Problem]:
    targets = set(re.findall(r"^([^\s:#=][^:=\n]*):(?!=)", text, re.MULTILINE))
    words = {word for target in targets for word in target.split()}
    words.update(re.findall(r"(?:>|-o|touch|tee) ?([\w./-]+)", text))
    for match in re.finditer(r"^\t[@-]?[^\n]*", text, re.MULTILINE):
        if "cd " in match[0]:
            continue
        for call in RUNNERS.finditer(match[0]):
            if call[1] not in words and not call[1].startswith("/"):
                yield from missing(project, path, text, call[1], match.start() + call.start(1))


READERS: Final = {
    "pyproject.toml": _pyproject,
    "dockerfile": _dockerfile,
    "containerfile": _dockerfile,
    "makefile": _makefile,
}
"""What reads each kind of manifest."""

RULES: Final = {"manifest-file": (named_files,)}
