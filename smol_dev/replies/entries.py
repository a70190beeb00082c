"""One entry of a list as the model wrote it → a path to write, or the reason to drop it (F3–F6)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

KNOWN_NAMES: Final = frozenset(
    "makefile dockerfile containerfile procfile gemfile rakefile vagrantfile jenkinsfile caddyfile brewfile podfile "
    "license licence copying readme changelog authors contributors notice codeowners justfile pipfile modelfile "
    "gradlew mvnw cname guardfile fastfile appfile berksfile tiltfile earthfile snakefile install todo version".split()
)
EXTENSION: Final = re.compile(r"(?:^|[^./\\\s])\.[A-Za-z0-9_][\w+~-]{0,15}$")
PRODUCTS: Final = re.compile(
    r"(?:node|vue|react|next|nuxt|express|three|d3|chart|alpine|ember|backbone|angular|moment|socket|electron|p5|"
    r"discord|asp|ml|dot|\w+)\.(?:js|net|io|ai|com|org)", re.IGNORECASE
)
DESCRIPTION: Final = re.compile(r"\s+[-–—]{1,3}>?\s+|\s*—\s*|\s*–\s+|\s+–|:(?=\s|$)|\s+#\s?|\s+//\s?|\s+\(|\s+=>?\s+|\s+[→←]\s*|\s+<-+\s*|\t+|\s{2,}|\s+\||\s+/\*|\s*,\s|\s+\[|;\s")
QUOTES: Final = "`\"'“”‘’«»„‚"
PLACEHOLDER_ROOT: Final = re.compile(
    r"^(?:<[^<>/]+>|\$?\{+[^{}/]+\}+|\[[^\[\]/]*(?:project|root|repo|app|folder|dir|name)[^\[\]/]*\]|%[A-Za-z_]+%|\$[A-Z_]+|"
    r"path/to(?:/your|/the)?(?:/project|/app|/repo)?|(?:your|my)?[-_ ]?(?:project|app|repo|repository)[-_ ](?:name|root|dir|folder|directory)|"
    r"your[-_ ](?:project|app|repo|package)(?:[-_ ]\w+)?|project[-_ ]?root|rootdir|root[-_ ](?:dir|folder|directory))/"
)
SYSTEM_ROOTS: Final = frozenset(
    "etc usr var tmp home root opt dev proc sys boot sbin mnt private Users Library Applications Volumes System "
    "Windows srv run lost+found".split()
)
BINARY: Final = frozenset(
    "png jpg jpeg jfif gif ico icns cur webp bmp tif tiff avif heic heif psd xcf ai eps raw dds tga exr hdr "
    "mp3 wav ogg oga opus flac m4a aac aiff aif mid midi wma mp4 m4v webm mov avi mkv wmv flv mpg mpeg ogv 3gp "
    "ttf otf woff woff2 eot ttc zip tar gz tgz bz2 tbz xz txz zst 7z rar jar war ear whl egg deb rpm dmg iso apk ipa "
    "db db3 sqlite sqlite3 mdb accdb rdb dbf exe dll so dylib lib a o obj class pyc pyo pyd wasm bin pdf doc docx "
    "xls xlsx ppt pptx odt ods odp pkl pickle joblib npy npz h5 hdf5 onnx pt pth ckpt safetensors gguf parquet "
    "feather keystore jks p12 pfx der lockb glb blend fbx unitypackage uasset swf".split()
) - {"obj", "ai", "raw"}  # fmt: skip
NO_NAMES: Final = frozenset(
    "... … etc etc. etc... string array object path file files filename null none true false undefined n/a folder "
    "directory and so on more others number integer boolean items".split()
)
INVALID: Final = re.compile(r"[<>:\"|?*\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
MAX_PATH: Final = 240
MAX_DEPTH: Final = 20
MAX_COMPONENT_BYTES: Final = 255


@dataclass(frozen=True, slots=True)
class Refused:
    """Why an entry is dropped; `unsafe` says that it led out of the project."""

    why: str
    unsafe: bool = False


@dataclass(frozen=True, slots=True)
class Tidy:
    """The paths to write, the dropped entries with their reasons, and whether one was unsafe."""

    files: tuple[str, ...]
    dropped: tuple[tuple[str, str], ...]
    any_unsafe: bool
    most_repeats: int


def tidy(entries: Sequence[str]) -> Tidy:
    """Return the paths of a list in order, each once."""
    dropped: list[tuple[str, str]] = []
    kept: dict[str, str] = {}
    counts: dict[str, int] = {}
    unsafe = False
    known = [path_of(entry) for entry in entries]
    folders = {folder for path in known if isinstance(path, str) for folder in parents(path)}
    for entry, path in zip(entries, known, strict=True):
        if isinstance(path, Refused):
            dropped.append((entry, path.why))
            unsafe = unsafe or path.unsafe
            continue
        counts[path] = counts.get(path, 0) + 1
        folded = path.casefold()
        if path in folders:
            dropped.append((entry, "a folder"))
        elif folded not in kept:
            kept[folded] = path
        elif kept[folded] != path:
            dropped.append((entry, "differs from another only in case"))
    return Tidy(tuple(kept.values()), tuple(dict.fromkeys(dropped)), unsafe, max(counts.values(), default=0))


def parents(path: str) -> list[str]:
    """Return the folders a path lies in."""
    parts = path.split("/")[:-1][:MAX_DEPTH]
    return ["/".join(parts[: size + 1]) for size in range(len(parts))]


def path_of(entry: str) -> str | Refused:
    """Return the relative path an entry means, or why it is dropped."""
    text = without_description(entry.strip(" \t\n\r"))
    text = text.strip(QUOTES + " \t*").rstrip(",;")
    if text.lower() in NO_NAMES or not text.strip("./\\ "):
        return Refused("no name", unsafe=".." in text.replace("...", ""))
    if re.match(r"[a-z][a-z0-9+.-]{1,12}://|www\.|mailto:|data:", text, re.IGNORECASE):
        return Refused("a URL")
    text = text.replace("\\/", "/").replace("\\\\", "\\") if not text.startswith("\\\\") else text
    refused = leads_outside(text.replace("\\", "/"))
    if refused is not None:
        return refused
    path = relative(text.replace("\\", "/"))
    return refusal(path) or path


def leads_outside(path: str) -> Refused | None:
    """Return why a path is no path in the project, or None when it is one."""
    if re.match(r"[A-Za-z]:(?:/|\w|$)", path):
        return Refused("a drive", unsafe=True)
    if path.startswith(("//", "~")):
        return Refused("outside of the project", unsafe=True)
    if re.match(r"(?:\$\{?(?:HOME|USER|APPDATA|TMPDIR?)\}?|%(?:APPDATA|USERPROFILE|TEMP|HOME\w*)%)(?:/|$)", path):
        return Refused("outside of the project", unsafe=True)
    parts = [part.strip() for part in path.split("/")]
    if ".." in parts:
        return Refused("leads out of the project", unsafe=True)
    if path.startswith("/") and len(parts) > 1 and parts[1] in SYSTEM_ROOTS:
        return Refused("a system folder", unsafe=True)
    return None


def relative(path: str) -> str:
    """Return a path without what only says that it is in the project."""
    path = re.sub(r"/(?:\.?/)+", "/", path)
    for _ in range(3):
        before = path
        path = re.sub(r"^(?:\./)+", "", path).removeprefix("/")
        path = PLACEHOLDER_ROOT.sub("", path, count=1)
        if path == before:
            break
    return path.strip()


def refusal(path: str) -> Refused | None:
    """Return why a relative path cannot be written, or None."""
    parts = path.split("/")
    if any(re.fullmatch(r"\.git|git~1", part.rstrip(". "), re.IGNORECASE) for part in parts):
        return Refused("inside `.git`", unsafe=True)
    if not path or path.endswith("/") or parts[-1] in {".", ""}:
        return Refused("a folder")
    if "*" in path:
        return Refused("a pattern, not a path")
    if re.search(r"<[^<>]*>|[{}]|\$\(|%\w+%", path) or parts[-1].strip(".… ") == "":
        return Refused("a placeholder")
    if INVALID.search(path):
        return Refused("characters that no file name may have", unsafe=bool(re.search(r"[\x00-\x1f]", path)))
    extension = path.rpartition(".")[2].lower()
    if extension in BINARY and "." in parts[-1].lstrip("."):
        return Refused("not a text file")
    return size_refusal(path, parts)


def size_refusal(path: str, parts: list[str]) -> Refused | None:
    """Return why a path is too long for a file system or odd at the end of a part, or None."""
    if len(path) > MAX_PATH or len(parts) > MAX_DEPTH or any(len(part.encode("utf-8", "replace")) > MAX_COMPONENT_BYTES for part in parts):
        return Refused("too long")
    if any(part != part.strip() or part.endswith(".") for part in parts):
        return Refused("a name that ends in a dot or space")
    return None


def without_description(text: str) -> str:
    """Return an entry without the words that describe the file."""
    opening = text[:1]
    if opening and opening in QUOTES:
        end = min((at for mark in "`\"'”’»“" if (at := text.find(mark, 1)) > 0), default=-1)
        if end > 0 and looks_like_path(text[1:end]):
            return text[1:end]
    for match in DESCRIPTION.finditer(text):
        before = text[: match.start()].strip()
        if match.start() > 0 and looks_like_path(before.strip(QUOTES + "*")):
            return before
    first, _, rest = text.partition(" ")
    if rest and looks_like_path(first) and EXTENSION.search(first) and not EXTENSION.search(rest.strip(QUOTES + "*")):
        return first
    return text


def looks_like_path(text: str) -> bool:
    """Tell whether a text can be meant as a path: an extension, a folder, or a well-known name."""
    text = text.strip()
    if not text or len(text) > MAX_PATH * 2 or "\n" in text:
        return False
    name = re.split(r"[/\\]", text)[-1]
    if name.lower() in KNOWN_NAMES or re.fullmatch(r"\.[A-Za-z][\w.-]*", name):
        return " " not in text or "/" in text
    if EXTENSION.search(name):
        stem = name.rpartition(".")[0]
        return not re.fullmatch(r"v?[\d.]+", name) and len(stem.split()) <= 5 and not re.search(r"[=;!?]|\be\.g|\bi\.e", text)  # noqa: PLR2004 - words of a file name
    return ("/" in text or "\\" in text) and " " not in text.strip("/\\ ")
