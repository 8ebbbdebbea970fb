"""Which files make a dataset: rules over names, from partitions down to single files.

The rules stand as a table in ``docs/grouping.md``. Names decide as far as they can; where files
of several shapes lie side by side, `Bundle.split` says that their schemas decide (`resolve`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from catalog import reading
from catalog.crawling.lake.listing import File, Folder

HIVE_NULL: Final = "__HIVE_DEFAULT_PARTITION__"
WHY: Final[dict[str, str]] = {
    "hive": "Its folders are named key=value.",
    "dates": "Its folders are named by dates.",
    "shards": "Names of its files differ only in numbers, dates or random ids.",
    "folder": "All files of the folder have the same format and similar columns.",
    "files": "All files of the folder have the same ending; they have no columns to compare.",
    "single": "No grouping rule fits; this file is a dataset of its own.",
}
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_HEX = re.compile(r"(?<![0-9A-Za-z])(?=[0-9a-f]*\d)(?=\d*[a-f])[0-9a-f]{8,}(?![0-9A-Za-z])")
_DIGITS = re.compile(r"\d+")
_STARS = re.compile(r"\*(?:[-_.T:]?\*)+")
_GENERIC: Final = frozenset({"*", "part", "part-*", "data", "output", "export", "result", "file"})


@dataclass(frozen=True, slots=True)
class Member:
    """A file of a bundle; ``partition``: path of its partition's folder, None outside any."""

    file: File
    values: tuple[tuple[str, str | None], ...] = ()
    partition: str | None = None


@dataclass
class Bundle:
    """Files that may be one dataset called ``name``. ``split``: similar schemas must confirm it.

    ``folder``: the folder that holds it; ``table_format``: delta, iceberg or hudi if its own
    metadata lies beside the data, whose files then are not all alive.
    """

    name: str
    folder: str
    rule: str
    members: list[Member]
    split: bool = False
    partition_keys: tuple[str, ...] = ()
    table_format: str | None = None
    kind: str = field(default="dataset")

    @property
    def files(self) -> list[File]:
        """All files, in the order of the listing."""
        return [member.file for member in self.members]


def shape(name: str) -> str:
    """A file's name with ids, dates and numbers as ``*``: ``flights-2013-01.csv`` ->
    ``flights-*.csv``."""
    stem, dot, ending = name.partition(".")
    stem = _HEX.sub("*", _UUID.sub("*", stem))
    stem = _STARS.sub("*", _DIGITS.sub("*", stem))
    ending = _STARS.sub("*", _DIGITS.sub("*", _HEX.sub("*", _UUID.sub("*", ending))))
    return stem + dot + _restored_ending(ending, name)


def _restored_ending(ending: str, name: str) -> str:
    """Digits in the ending itself (``mp3``, ``bz2``) are no shard numbers."""
    last = name.rsplit(".", 1)[-1]
    if "*" in ending.rsplit(".", 1)[-1] and not last.isdigit() and len(last) <= 8:
        return ending.rpartition(".")[0] + "." * ("." in ending) + last
    return ending


def format_of(file: File) -> str:
    """Format by name; the ending where it is none that is known; empty without one."""
    known = reading.name_format(file.name)
    if known is not None:
        return "json" if known == "ndjson" else known
    return reading.endings(file.name)[0] or ""


# --- partitions -------------------------------------------------------------------------------

_PAIR = re.compile(r"([^=]+)=(.*)", re.DOTALL)
_YEAR = re.compile(r"(?:19|20)\d\d")
_MONTH = re.compile(r"0?[1-9]|1[0-2]")
_DAY = re.compile(r"0?[1-9]|[12]\d|3[01]")
_HOUR = re.compile(r"[01]?\d|2[0-3]")
_PREFIX = r"(?:(?:dt|date|day|ds)[-_]?)?"
_DATE = re.compile(
    _PREFIX + r"((?:19|20)\d\d)([-_.]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])", re.IGNORECASE
)
_YEAR_MONTH = re.compile(r"((?:19|20)\d\d)[-_.]?(0[1-9]|1[0-2])")


def _hive_folders(folder: Folder) -> list[Folder]:
    return [child for child in folder.folders if _PAIR.fullmatch(child.name)]


def _pair(name: str) -> tuple[str, str | None]:
    found = _PAIR.fullmatch(name)
    assert found is not None
    value = unquote(found.group(2), errors="surrogateescape")
    return unquote(found.group(1)), None if value == HIVE_NULL else value


def _hive_members(
    folder: Folder, values: tuple[tuple[str, str | None], ...], partition: str
) -> Iterator[Member]:
    """All files below one partition; folders without key=value do not end it."""
    for file in folder.files:
        yield Member(file, values, partition)
    for child in folder.folders:
        if _PAIR.fullmatch(child.name):
            yield from _hive_members(child, (*values, _pair(child.name)), child.path)
        else:
            yield from _hive_members(child, values, partition)


def _date_key(name: str, above: tuple[str, ...]) -> tuple[str, str] | None:
    """(key, value) of a folder named by a date, or None. ``above``: keys of the levels above."""
    if above:
        expected = {"year": ("month", _MONTH), "month": ("day", _DAY), "day": ("hour", _HOUR)}
        key, pattern = expected.get(above[-1], ("hour", _HOUR))
        return (key, name) if above[-1] != "hour" and pattern.fullmatch(name) else None
    found = _DATE.fullmatch(name)
    if found:
        return "date", f"{found[1]}-{found[3]}-{found[4]}"
    found = _YEAR_MONTH.fullmatch(name)
    if found:
        return "month", f"{found[1]}-{found[2]}"
    return ("year", name) if _YEAR.fullmatch(name) else None


def _date_members(
    folder: Folder, values: tuple[tuple[str, str | None], ...]
) -> list[Member] | None:
    """All files below dated folders; None when something else than dates lies below."""
    above = tuple(key for key, _ in values)
    members = [Member(file, values, folder.path) for file in folder.files] if values else []
    for child in folder.folders:
        key = _date_key(child.name, above)
        below = _date_members(child, (*values, key)) if key is not None else None
        if below is None:
            return None
        members.extend(below)
    return members


def is_partitioned(folder: Folder) -> bool:
    """Whether the folder's own subfolders are partitions of one dataset."""
    if _hive_folders(folder):
        return True
    return bool(folder.folders) and all(_date_key(child.name, ()) for child in folder.folders)


# --- the plan ---------------------------------------------------------------------------------


def plan(folder: Folder, top: bool = False) -> Iterator[Bundle]:
    """All bundles below a folder; every listed file is in exactly one. ``top``: the lake's root,
    which never lends its name to a single file."""
    rest = folder.folders
    hive = _hive_folders(folder)
    if hive:
        members = [
            m for child in hive for m in _hive_members(child, (_pair(child.name),), child.path)
        ]
        yield from _partitioned(folder, "hive", members)
        rest = [child for child in rest if child not in hive]
    elif rest and (dated := _date_members(folder, ())):
        yield from _partitioned(folder, "dates", dated)
        rest = []
    partitioned = len(rest) < len(folder.folders)
    yield from _beside(folder, alone=not partitioned and not top, named=not partitioned)
    for child in rest:
        for bundle in plan(child):
            if child.name == "data" and _is_iceberg(folder):
                bundle.table_format = "iceberg"
            yield bundle


def _partitioned(folder: Folder, rule: str, members: list[Member]) -> Iterator[Bundle]:
    """One bundle per format; the most usual one has the folder's name."""
    if not members:
        return
    counted = Counter(format_of(member.file) for member in members)
    ordered = sorted(counted, key=lambda kind: (-counted[kind], kind))
    for position, kind in enumerate(ordered):
        own = [member for member in members if format_of(member.file) == kind]
        keys = dict.fromkeys(key for member in own for key, _ in member.values)
        ending = f"*.{kind}" if kind else "*"
        yield Bundle(
            folder.path if position == 0 else f"{folder.path}/**/{ending}",
            folder.path,
            rule,
            own,
            # key=value is explicit: {A,B} and {C,D} under two years stay one dataset.
            split=rule == "dates" and len({shape(m.file.name) for m in own}) > 1,
            partition_keys=tuple(keys),
            table_format=_table_format(folder),
        )


def _beside(folder: Folder, alone: bool, named: bool) -> Iterator[Bundle]:
    """Bundles of the files directly in a folder. ``named``: the folder's name is free."""
    by_format: dict[str, list[Member]] = {}
    for file in folder.files:
        by_format.setdefault(format_of(file), []).append(Member(file))
    for members in by_format.values():
        if len(by_format) == 1 and named:
            yield _whole_folder(folder, members, alone)
        else:
            yield from by_shape(folder, members)


def _whole_folder(folder: Folder, members: list[Member], alone: bool) -> Bundle:
    shapes = {shape(member.file.name) for member in members}
    table_format = _table_format(folder)
    if len(members) == 1 and table_format is None:
        generic = alone and not folder.folders and _is_generic(members[0].file, folder)
        return (
            Bundle(folder.path, folder.path, "folder", members)
            if generic
            else single(folder.path, members[0])
        )
    rule = "shards" if len(shapes) == 1 else "folder"
    return Bundle(
        folder.path, folder.path, rule, members, table_format is None, table_format=table_format
    )


def _is_generic(file: File, folder: Folder) -> bool:
    """Whether a lone file's name says nothing, or the same as its folder's."""
    stem = shape(file.name).partition(".")[0].lower()
    return stem in _GENERIC or stem.startswith(folder.name.lower())


def by_shape(folder: Folder, members: Sequence[Member]) -> Iterator[Bundle]:
    """One bundle per shape of names; a shape with one file is a single."""
    for name, own in shapes_of(members).items():
        if len(own) == 1:
            yield single(folder.path, own[0])
        else:
            yield Bundle(f"{folder.path}/{name}", folder.path, "shards", own, split=True)


def shapes_of(members: Sequence[Member]) -> dict[str, list[Member]]:
    """Members by the shape of their names, in order of first sight."""
    shapes: dict[str, list[Member]] = {}
    for member in members:
        shapes.setdefault(shape(member.file.name), []).append(member)
    return shapes


def single(folder: str, member: Member) -> Bundle:
    """A file as a dataset of its own."""
    return Bundle(member.file.path, folder, "single", [member], kind="file")


def _is_iceberg(folder: Folder) -> bool:
    return any(
        child.name == "metadata" and any(f.name.endswith(".metadata.json") for f in child.files)
        for child in folder.folders
    )


def _table_format(folder: Folder) -> str | None:
    if "_delta_log" in folder.marks:
        return "delta"
    return "hudi" if ".hoodie" in folder.marks else None


def parts(bundle: Bundle) -> list[Bundle]:
    """What a bundle falls into when its schemas differ: shapes, or single files of one shape."""
    groups = shapes_of(bundle.members)
    if len(groups) == 1:
        return [single(_holder(member), member) for member in bundle.members]
    result = []
    for name, own in groups.items():
        if bundle.rule == "dates":
            part = Bundle(
                f"{bundle.folder}/**/{name}", bundle.folder, "dates", own,
                partition_keys=bundle.partition_keys,
            )  # fmt: skip
        elif len(own) == 1:
            part = single(bundle.folder, own[0])
        else:
            part = Bundle(f"{bundle.folder}/{name}", bundle.folder, "shards", own, split=True)
        result.append(part)
    return result


def _holder(member: Member) -> str:
    return member.file.path.rsplit("/", 1)[0] or "/"


def resolve(bundle: Bundle, alike: Callable[[Bundle], bool]) -> Iterator[Bundle]:
    """The datasets of a bundle. ``alike`` tells whether the files of a bundle are similar."""
    if not bundle.split or alike(bundle):
        yield bundle
        return
    for part in parts(bundle):
        yield from resolve(part, alike)
