"""One answer → the paths of the files to write.

The answer is parsed once; the passes of `LIST` are tried in order, each looks for one form of a list,
and the first that finds files wins. Then come the verdicts on the list's end, and last what each
entry comes to as a path.
"""

import html
import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import Final

from smol_dev.errors import Reason
from smol_dev.languages.names import FOLDER_NAMES
from smol_dev.replies import paths
from smol_dev.replies.answer import Answer, Block, Span, of_text, parse
from smol_dev.replies.list_data import FOLDER_TAG, TAG, Node, ReadLiteral, claimed_in, items_in, read_literal
from smol_dev.replies.list_lines import Drawn, claimed, find_table, find_tree, folder_named, read_lines, without_escapes
from smol_dev.replies.listing import HERE, Listing, as_file_list, entries_of
from smol_dev.replies.repetition import is_loop
from smol_dev.replies.talk import is_refusal
from smol_dev.replies.verdicts import UNCLEAR_LIST, FileList, Rejected, list_rejected

LONG: Final = 100_000
TOO_LONG: Final = 400_000
MANY: Final = 24
FEW: Final = 4
MOST_LINES: Final = 3_000
MOST_LITERALS: Final = 12_000
MOST_DRAWN: Final = 6
REREAD: Final = 60_000


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch of an answer: a block, or the text between blocks. `closed` says that more follows it."""

    text: str
    start: int
    fenced: bool = False
    closed: bool = False
    lead: str = ""

    def before(self, start: int) -> str:
        """Return the words right in front of a place: the last two lines that are not empty."""
        near = [line for line in self.text[max(0, start - 600) : start].split("\n") if line.strip()]
        return "\n".join(near[-2:]) or self.lead


@dataclass(frozen=True, slots=True)
class Source:
    """An answer, and where in it lists are looked for: not in files that are given with their names."""

    answer: Answer
    regions: tuple[Region, ...]
    headed: dict[Block, str]


def read_file_list(answer: str, *, finish_reason: str | None, max_files: int = 200) -> FileList | Rejected:
    """Return the paths that `answer` lists, in its order, or the reason why no one could tell.

    The time is linear in the length of the answer, whatever it is.
    """
    turn = parse(answer)
    parsed = of_text(respelled(turn.text[: turn.next_turn]))
    cut = finish_reason != "stop" and not turn.stopped
    text = parsed.text
    if turn.lost:
        return list_rejected(_without_list(answer, cut=cut))
    if cut and finish_reason not in {None, "", "length"}:
        return list_rejected("truncated")
    if len(text) > TOO_LONG or (len(text) > LONG and is_loop(text)):
        return list_rejected("degenerate")
    if not text.strip() or EMPTY_LIST.fullmatch(text.strip()):
        return list_rejected("empty")
    name, found = find_list(parsed)
    if name in {"", "names"} and is_refusal(AROUND.sub("", text)):
        return list_rejected("refusal")
    if found is None:
        return list_rejected(_without_list(text, cut=cut))
    number = len(found.entries)
    if number > max_files or (number >= MANY and len(set(found.entries)) * FEW <= number):
        return list_rejected("degenerate")
    if not found.closed and (cut or not found.complete):
        return list_rejected("degenerate" if is_loop(text) else "truncated")
    listed = as_file_list(found.entries, name)
    missing = _missing(found)
    if not (missing or found.unclear) or isinstance(listed, Rejected):
        return listed
    return Rejected("wrong_format", UNCLEAR_LIST, listed=None if any(missing.values()) else listed)


RESPELLED: Final = tuple(
    (re.compile(pattern, re.MULTILINE | re.IGNORECASE), plain)
    for pattern, plain in (
        (r"^[ \t]*`{3,9}\w{0,12}[ \t]*([\[{(][^\n]*[\])}])[ \t]*`{3,9}[ \t]*$", r"\1"),  # for fence-glued
        (r"^\\(?=\[)|\\(?=\][ \t]*$)", ""),  # for escaped-brackets
        (r"\\(?=`)", ""),  # for escaped-ticks
        (r"<(think(?:ing)?|reasoning)>[^<]*+</\1>", ""),  # for thought-inside
        # for br
        (r"<br\s{0,4}/?>|</?(?:details|summary|p|div)(?:\s(?:open|class|id|style)\b[^<>]{0,200})?>", "\n"),
        (r"(\.\w{1,8})(?:#L\d+(?:-L?\d+)?|:\d+-\d+)(?![\w.])", r"\1"),  # for line-numbers
        (r"(?<=[\w.-],) (?=[\w.-]{1,60}(?:, ?[\w.-]{1,60}){0,20}\}[\w./-])", ""),  # for braces-spaced
        (r"<(code|b|strong|em|tt|kbd)>([^<>`\n]{1,300})</\1>", r"`\2`"),  # for bul-html
        (r"\b(?:Pure)?(?:Posix)?(?:Path|File)\(\s{0,9}([\"'][^\"'\n]{1,300}[\"'])\s{0,9}\)", r"\1"),  # for pathlib
        (r"\b\w{1,60}\(\w{1,60}\s{0,4}=\s{0,4}(?=[\[{])", ""),  # for tool-pythonic
        (r"\[\d{0,3}\](?:string|str)\s{0,4}(?=\{)|%[wi](?=\[)", ""),  # for go
    )
)
"""Spellings that mean nothing for a list: escaped brackets, a call, Go and Ruby types (`go`, `tool-pythonic`)."""


ENTITY: Final = re.compile(r"&(?:lt|gt|amp|quot|apos|#\d{1,5});")  # for entities


def respelled(text: str) -> str:
    """Return the text with quote marks, escaped quotes and markup in front of paths undone."""
    if '\\"' in text and re.search(r'(?<!\\)"', text) is None:  # for enc-double
        text = text.replace('\\"', '"')
    if "<" not in text and ENTITY.search(text):
        text = html.unescape(text)
    if all(line.lstrip().startswith(">") for line in text.split("\n") if line.strip()):
        text = re.sub(r"^ {0,3}> ?", "", text, flags=re.MULTILINE)  # for tree-quoted
    if not set(text.strip()) & set("\n\"'[{"):
        text = re.sub(r"(\.\w{1,8})\\n(?=[\w./-]+\.\w)", r"\1\n", text)  # for breaks
    for pattern, plain in RESPELLED:
        text = pattern.sub(plain, text)
    return text


def paths_in_plan(plan: str) -> FileList | Rejected:
    """Return the paths a plan speaks of, for when every answer with a list was unusable."""
    name, found = find_list(of_text(plan))
    return list_rejected("wrong_format") if found is None else as_file_list(found.entries, name)


def find_list(answer: Answer) -> tuple[str, Listing | None]:
    """Return what the answer lists, and the name of the pass that found it."""
    if FOLDER_TAG.search(answer.text):
        return "", None
    source = _source(answer)
    winner, best = "", None
    for name, look in LIST:
        if best is not None and ANNOUNCED.search(answer.text, best.start) is None:
            break
        listings = _counting(look(source))
        if best is not None:
            listings = [one for one in listings if one.start > best.start and ANNOUNCED.search(one.lead)]
        if any(listing.entries for listing in listings):
            winner = name
            best = Listing(
                tuple(entry for listing in listings for entry in listing.entries),
                listings[0].start,
                closed=listings[-1].closed,
                complete=all(listing.complete for listing in listings),
                unclear=any(listing.unclear for listing in listings),
                end=listings[-1].end,
                claimed=(*itertools.chain.from_iterable(one.claimed for one in listings), *_left(source, listings)),
            )
    return winner, best


ADDED: Final = re.compile(  # for goes-on
    r"(?!.*\b(?:may|might|could|later|if|optional\w*|not|\w+n't|consider\w*)\b).*"
    r"\b(?:plus|additionally|in addition|as well|also(?=:)|also (?:a|an|the|needs?|add|create|include|there))\b",
    re.IGNORECASE,
)


def _left(source: Source, listings: list[Listing]) -> Iterator[tuple[str, bool]]:
    """Yield the files that stand in the place of an entry outside of the lists, unless words set them aside."""
    text, first, read = source.answer.text, listings[0].start, 0
    is_new = NEWS.search(text[max(0, first - 300) : first + 60]) is not None
    ahead = list(reversed(listings))
    for part in source.answer.parts:
        if part in source.headed and len(source.headed) > 1:
            yield source.headed[part], True
            continue
        end, aside = part.start, False
        for row in part.text.split("\n"):
            start, end = end, end + len(row) + 1
            while ahead and ahead[-1].start < end:
                read = max(read, ahead.pop().end or len(text))
            if start < read or (is_new and start < first):
                continue
            said = _is_aside(row)
            aside = said if row.rstrip(" *_").endswith((":", "：")) or row.startswith("#") else aside
            if not (said or aside or paths.COMMAND.match(row)):
                added = start > first and ADDED.match(row[:600])
                named = ((path, True) for path in paths.mentioned(row))
                yield from named if added else claimed(without_escapes(row), alone=isinstance(part, Block))


def _claims(texts: Iterable[str]) -> tuple[tuple[str, bool], ...]:
    return tuple(itertools.chain.from_iterable(map(claimed, texts)))


def _missing(found: Listing) -> dict[str, bool]:
    """Return the files that are claimed and that no entry is, and whether they are surely entries."""
    ends = [_ends(entry) for entry in found.entries]
    known, whole = set(itertools.chain.from_iterable(ends)), {end[0] for end in ends if end}
    missing = dict(sorted(found.claimed, key=itemgetter(1)))
    return {
        path: sure
        for path, sure in missing.items()
        if (end := _ends(path)) and end[0] not in known and whole.isdisjoint(end)
    }


def _ends(path: str) -> list[str]:
    """Return a path, and what is left of it without its first folder, the first two and so on."""
    parts = [part for part in re.split(r"[^\w.@-]+|(?<!\w)-+", path) if part]  # for tree-ascii2
    return ["/".join(parts[at:]) for at in range(len(parts))]


def _source(answer: Answer) -> Source:
    headed = {block: label for block in answer.blocks if (label := _label_of(block))}
    files = headed if len(headed) > 1 else {}
    first = min((block.start for block in files), default=len(answer.text))
    regions: list[Region] = []
    for number, part in enumerate(answer.parts):
        if part.start > first:
            break
        last = number == len(answer.parts) - 1
        if isinstance(part, Span):
            text = _without_labels(part.text) if headed else part.text
            regions.append(Region(text, part.start, closed=not last))
        elif part not in files:
            lead = "\n".join(reversed(part.above))
            regions.append(Region(part.text, part.start, fenced=True, closed=part.closed, lead=lead))
    return Source(answer, tuple(regions), headed)


def _label_of(block: Block) -> str | None:
    label = paths.label_in_info(block.info)
    items = [paths.BULLET.match(line) or paths.is_known_file(line.strip()) for line in block.above]
    if label is None and items and not (len(items) > 1 and all(items)):
        label = paths.label_in(block.above[0])
    return label if label is not None and paths.is_known_file(label) else None


def _without_labels(text: str) -> str:
    head, newline, last = text.rstrip().rpartition("\n")
    label = paths.label_in(last)
    return head + newline if label is not None and paths.is_known_file(label) and label in last else text


NEWS: Final = re.compile(  # for f2-revised
    r"\b(?:updated|final(?:ised|ized)?|revised|corrected|improved|fixed|amended|adjusted|refined|definitive|"
    r"new list|aktualisiert\w*|endgültig\w*|korrigiert\w*|actualizad\w*|corrig\w+|mis à jour)\b|最终|更新|"
    r"\b(?:actually|wait|correction|on second thought|scratch that|oops|instead|better|complete list|full list|"
    r"let me (?:revise|fix|correct|redo|rework)|simplif\w+)\b",
    re.IGNORECASE,
)
"""Words in front of a list that take back the ones before it."""

ANNOUNCED: Final = re.compile(  # for f2-mixed-forms
    r"\b(?:updated|final(?:ised|ized)?|revised|corrected)\b[^\n]{0,40}\b(?:list|files?|paths?|structure|version)\b",
    re.IGNORECASE,
)
"""Words in front of a list that take back even one of a surer form."""

ASIDE: Final = re.compile(  # for f2-not
    r"\b(?:do(?:es)? not|don't|not (?:needed|required|included|necessary|to|part)|no need|exclud\w+|ignored?|without|"
    r"dependenc(?:y|ies)|librar(?:y|ies)|packages? (?:needed|used|required)|technolog\w+|tech stack|draft|initial|"
    r"first (?:attempt|idea|version)|old|original|thoughts?|reasoning|maybe|perhaps|previous(?:ly)?|delete[ds]?|removed?|"
    r"commands?|how to run|to run|run (?:it|the)|usage|next steps|instructions|install\w*|getting started|notes?|features?|"
    r"example output|alternativ\w*|skip(?:ped)?|requirements:|optional(?:ly)? later)\b|\bfor (?:example|instance)\b[^.\[\n]*$|(?:\be\.g\.|\bsuch as|\blike)\W*$",
    re.IGNORECASE,
)
"""Words in front of a list that say that it is another one than was asked for."""

NAMES: Final = re.compile(r"`[^`\n]*`|\"[^\"\n]*\"|\S{1,240}\.\w+")  # for f2-example


def _counting(found: Iterable[Listing]) -> list[Listing]:
    """Return the lists that are neither set aside nor taken back by a later one."""
    listings = sorted(found, key=lambda listing: listing.start)
    kept = [listing for listing in listings if not _is_aside(listing.lead)] or listings
    first = 0
    for number, listing in enumerate(kept):
        if NEWS.search(listing.lead) and (not number or kept[number - 1].lead != listing.lead):
            first = number
    return kept[first:]


def _is_aside(lead: str) -> bool:
    last = NAMES.sub("", lead.strip().rpartition("\n")[2])
    return ASIDE.search(last) is not None and NEWS.search(last) is None


def asked_for(source: Source) -> Iterator[Listing]:
    """Yield the list of an answer that is the object that was asked for and nothing else."""
    try:
        value = json.loads(source.answer.text, object_pairs_hook=tuple)
    except (ValueError, RecursionError):
        return
    files = value[0][1] if isinstance(value, tuple) and len(value) == 1 and value[0][0] == "files" else None
    if isinstance(files, list) and all(
        isinstance(path, str) and path == paths.path_in(path) and not paths.BULLET.match(path) for path in files
    ):
        yield Listing(tuple(files), 0)


OPENING: Final = re.compile(  # for bash
    r"(?<![\w/\\.\])}])(?<![/\\]\[)(?:\[(?![ xX✓]\]\s)(?!\d{1,3}\][ \t])(?!`?[^\[\]\n]*\]\()|\{)"
    r"|(?:^|[=:(,>]|\breturn|\b(?:array|asList|List|of|Set))[ \t]*\((?=\s*[\"'`“])|=\((?=[\w./-]+\.\w+[\s)])"
    r"|\A\s*(?P<string>[\"'](?=\s*[\[{]|[\w./-]+\.\w+\\n))",
    re.MULTILINE,
)
SEGMENT: Final = re.compile(r"[\[({]{1,2}[\w@.*-]+[\])}]{1,2}(?=[\w./\\-])|\{\{?[\w ]+\}?\}/|\$\{")  # for tree-route


def literals(source: Source) -> Iterator[Listing]:
    """Yield the arrays and objects that list files, in JSON or any spelling near it."""
    for region in source.regions:
        yield from _literals_in(region)


def _literals_in(region: Region) -> Iterator[Listing]:
    text, position, budget = region.text, 0, REREAD
    for _ in range(MOST_LITERALS):
        opening = OPENING.search(text, position)
        if opening is None or budget < 0:
            return
        start = opening.start("string") if opening["string"] else opening.end() - 1
        if segment := SEGMENT.match(text, start):
            position = segment.end()
            continue
        value = read_literal(text, start)
        inside = value.node.text if opening["string"] else ""
        if inside.count("[") != inside.count("]") or inside.count("{") != inside.count("}"):
            position = start + 1
            continue
        entries = entries_of(items_in(value.node))
        if _is_list(entries, value.node):
            yield _literal(region, start, value, entries)
        elif not value.closed:
            budget -= value.end - start
            position = start + 1
            continue
        position = max(value.end, start + 1)


def _is_list(entries: tuple[str, ...], node: Node) -> bool:
    if any(map(paths.is_file_like, entries)):
        return True
    return (node.shape == "array" or len(entries) > 1) and (
        # for paths-without-endings
        all(paths.is_path_like(entry) or re.fullmatch(r"[\w.~<>-]+/?", entry) for entry in entries)
        and any(re.search(r"[/\\]", entry) for entry in entries)  # for f8-git
    )


def _literal(region: Region, start: int, value: ReadLiteral, entries: tuple[str, ...]) -> Listing:
    """Return what an array or object lists; only a bracket may be missing, no half of a name."""
    text = region.text[start : value.end].rstrip()
    last = re.search(r"[\"'`“]([^\"'`“”\n]*[^\"'`“”\s][^\"'`“”\n]*)$", text.rstrip("]}) \n,"))  # for stop-cut-name
    is_half = last is not None and not text.endswith(("]", "}", '"', "'")) and not paths.is_known_file(last[1].strip())
    return Listing(
        entries,
        region.start + start,
        region.before(start),
        closed=value.closed,
        complete=value.closed or not is_half,
        end=region.start + value.end,
        claimed=tuple(claimed_in(value.node)),
    )


def tags(source: Source) -> Iterator[Listing]:
    """Yield the files that elements name (`xml-attr` and `xml-path` of the variations)."""
    for region in source.regions:
        found = [(one, paths.path_in(one["given"] or one["text"])) for one in TAG.finditer(region.text)]
        named = [(one, path) for one, path in found if paths.is_path_like(path)]
        tags_of_files = {one["tag"] for one, _ in named} - {None}
        entries = tuple(path for one, path in found if one["tag"] in tags_of_files or paths.is_path_like(path))
        if entries:
            start = named[0][0].start()
            root = re.match(r"\s*<([\w:.-]+)", region.text)  # for elements-closed-without-a-reason
            closed = region.closed or (root is not None and region.text.rstrip().endswith(f"</{root[1]}>"))
            yield Listing(entries, region.start + start, region.before(start), closed=closed)


INNER: Final = frozenset({"src", "lib", "test", "tests", "docs", "static", "templates"})  # for tree-src-root-2
"""Folders that are in doubt as the root of a drawing: the project may be around them."""


def drawn(source: Source, find: Callable[[list[str]], Drawn | None]) -> Iterator[Listing]:
    """Yield the drawings of folders, or the columns of tables that hold files."""
    found = [(region, *one) for region in source.regions for one in _drawn_in(region, find)]
    roots = {drawing.root for _, drawing, *_ in found if drawing.root is not None} - HERE
    for region, drawing, start, end in found:
        rooted = None if drawing.root is None else drawing.root in HERE or len(roots) == 1
        entries = entries_of(drawing.items, rooted=rooted)
        if any(map(paths.is_file_like, entries)):
            yield Listing(
                entries,
                region.start + start,
                region.before(start),
                closed=region.closed or region.text[end:].strip() != "",
                unclear=(len(roots) > 1 and not roots <= FOLDER_NAMES)
                or (rooted is True and len(drawing.items) == 1 and drawing.root in INNER),
                end=region.start + end,
                claimed=_claims(drawing.texts),
            )


def _drawn_in(region: Region, find: Callable[[list[str]], Drawn | None]) -> Iterator[tuple[Drawn, int, int]]:
    """Yield the drawings in a region, and where they begin and end in it."""
    rest, start = region.text.split("\n")[:MOST_LINES], 0
    for _ in range(MOST_DRAWN):
        if (found := find(rest)) is None:
            break
        first, end = (start + sum(len(line) + 1 for line in rest[:number]) for number in (found.first, found.after))
        yield found, first, end
        rest, start = rest[found.after :], end


def lines(source: Source) -> Iterator[Listing]:
    """Yield the lines, bullets and headings that name a file first, those in blocks first."""
    fenced = [one for region in source.regions if region.fenced for one in _lines_in(region)]
    rest = (region for region in source.regions if not region.fenced)
    yield from fenced or (one for region in rest for one in _lines_in(region))


def _lines_in(region: Region) -> Iterator[Listing]:
    text = region.text.strip()
    if text[:1] in {"{", "["}:
        found = read_literal(text, 0)
        if found.closed and found.end == len(text):
            return
    rows = region.text.split("\n")[:MOST_LINES]
    sections = read_lines(rows, plain=region.fenced)
    starts = [0]
    for row in rows:
        starts.append(starts[-1] + len(row) + 1)
    for section in sections:
        if entries := entries_of(section.items):
            closed = region.closed or section.followed or section is not sections[-1]
            start = starts[section.first]
            lead = section.lead or region.before(start)
            end = region.start + starts[section.last + 1] - 1
            named = _claims(map(without_escapes, rows[section.first : section.last + 1]))
            yield Listing(
                entries, region.start + start, lead, closed=closed, unclear=section.unclear, end=end, claimed=named
            )


def labels(source: Source) -> Iterator[Listing]:
    """Yield the files of an answer that gives the whole project, each under its name (`whole-project`)."""
    if source.headed:
        yield Listing(tuple(source.headed.values()), next(iter(source.headed)).start, closed=False)


ENUMERATION: Final = re.compile(r",|\band\b|&|\bund\b|\bet\b|\by\b|、|，")  # for bare-series
SENTENCE_END: Final = re.compile(r"(?<=[.!?。？！])\s+|(?<=[。？！])")  # for sent-then-q
MOST_SENTENCES: Final = 2000
QUOTED: Final = re.compile(r"`([^`\s]{1,200})`")  # for unknown-name


def names(source: Source) -> Iterator[Listing]:
    """Yield the files that sentences name in back-ticks, or in a series, but not in questions (`sentence`)."""
    found: list[str] = []
    listed: list[str] = []
    for line in source.answer.text.split("\n")[:MOST_SENTENCES]:
        if line.lstrip()[:1] in {"{", "[", '"'}:
            continue
        if paths.BULLET.match(line):
            listed += paths.mentioned(line)[:1]
        for sentence in SENTENCE_END.split(line):
            named = [] if _is_question(sentence) else paths.mentioned(sentence)
            is_below = folder_named(sentence) or "→" in sentence
            if named and any(map(_is_unknown, QUOTED.findall(sentence))):
                return
            if is_below and any("/" not in name for name in named):
                return
            if named and (f"`{named[0]}`" in sentence or (len(named) > 1 and ENUMERATION.search(sentence))):
                found += named
    found = listed or found
    if len(found) > 1 or (found and not _is_question(source.answer.text)):
        rows = map(without_escapes, source.answer.text.split("\n")[:MOST_SENTENCES])
        claims = tuple((path, False) for path, _ in _claims(rows))
        yield Listing(tuple(found), 0, closed=False, claimed=claims)


def _is_unknown(path: str) -> bool:
    return paths.is_file_like(path) and not paths.is_known_file(path) and not paths.is_product(path)


def _is_question(text: str) -> bool:
    return text.rstrip(" \n\t*_`").endswith(("?", "？"))


LIST: Final[tuple[tuple[str, Callable[[Source], Iterator[Listing]]], ...]] = (
    ("as asked", asked_for),  # for requirement-in-the-list
    ("tags", tags),  # for xml-unclosed-stop
    ("literal", literals),  # for bash
    ("tree", partial(drawn, find=find_tree)),  # for S062-tree-drawing
    ("table", partial(drawn, find=find_table)),  # for num-in-table
    ("lines", lines),  # for tilde
    ("labels", labels),  # for head-one
    ("names", names),  # for sentence-one
)
"""The forms of a list, in the order in which they are looked for."""

# for refuse3
AROUND: Final = re.compile(r"^[\s\[{(\"'`]*(?:\w+[\"']?\s*:[\[\"'\s]*+)?|(?<![\s\])}\"'`])[\s\])}\"'`]++$")
EMPTY_LIST: Final = re.compile(  # for empty-bracket-prose
    r"^[ \t]*(?:[\w. ]{1,40}[=:][ \t]*)?(?:[\[(]\s{0,9}(?:\"\"|''|null|None)?\s{0,9}[\])]|\{\s{0,9}\}|"
    r"\{\s{0,9}[\"']?\w{1,40}[\"']?\s{0,9}:\s{0,9}(?:[\[{]\s{0,9}[\]}]|\"\"|null|None)\s{0,9},?\s{0,9}\}|"
    r"\"\"|''|\"\[\]\")[ \t;.]*$|[\"'](?:files|paths|file_paths|filepaths)[\"']\s{0,9}:\s{0,9}\[\s{0,9}\]|"
    r"<(\w{1,40})>\s{0,9}</\1>|<files\s{0,9}/>|^[ \t]*(`{3,9}|~{3,9})\w{0,20}[ \t]*\n\s{0,9}\2[ \t]*$",
    re.MULTILINE,
)


def _without_list(text: str, *, cut: bool) -> Reason:
    if is_loop(text):
        return "degenerate"
    if EMPTY_LIST.search(text) is not None and not cut:
        return "empty"
    return "truncated" if cut else "wrong_format"
