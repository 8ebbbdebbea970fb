"""A bundle of files and what was read of them, as the record of a dataset."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from catalog import naming, reading
from catalog.crawling.fields import fields_of
from catalog.crawling.lake.grouping import WHY, Bundle, Member
from catalog.crawling.lake.listing import File
from catalog.crawling.records import Asset, Measure, Partition

MAX_FOOTERS: Final = 5_000
MAX_TEXT_SAMPLES: Final = 8
_SHARED: Final = ("compression", "delimiter", "encoding", "header", "layout", "quote", "skip_rows")

Facts = Mapping[str, reading.FileFacts]
"""Path of a file -> what was read of it; files that were not read or failed are missing."""


def fingerprint(bundle: Bundle) -> str:
    """Changes when a file of the bundle comes, goes, or is written."""
    summary = hashlib.blake2b(digest_size=16)
    for file in sorted(bundle.files, key=lambda file: file.path):
        line = f"{file.path}\0{file.size}\0{file.mtime_ns}\n"
        summary.update(line.encode("utf-8", "surrogateescape"))
    return summary.hexdigest()


def to_read(bundle: Bundle) -> list[File]:
    """Files to open: all Parquet footers up to `MAX_FOOTERS`, of text the newest, first, last and
    some between; of a bundle of several shapes so many of each shape's."""
    files = bundle.files
    most = MAX_FOOTERS if reading.name_format(files[0].name) == "parquet" else MAX_TEXT_SAMPLES
    return spread(files, most)


def spread(files: Sequence[File], most: int) -> list[File]:
    """At most ``most`` files: the newest, the first, the last, the rest evenly between."""
    if len(files) <= most:
        return list(files)
    step = (len(files) - 1) / (most - 2)
    chosen = {round(position * step) for position in range(most - 1)}
    chosen.add(max(range(len(files)), key=lambda at: (files[at].mtime_ns, files[at].path)))
    return [files[at] for at in sorted(chosen)]


def alike(bundle: Bundle, facts: Facts) -> bool:
    """Whether the files that were read look like parts of one dataset.

    Shards of one shape may differ by half of the smaller one's columns; files with names of their
    own must have more than two thirds of all columns in common.
    """
    known = [facts[file.path] for file in bundle.files if file.path in facts]
    if not known:
        return True
    strict = bundle.rule == "folder"
    first = known[0]
    return all(_alike(first, other, strict) for other in known[1:])


def _alike(first: reading.FileFacts, second: reading.FileFacts, strict: bool) -> bool:
    if "empty" in (first.format, second.format) or first is second:
        return True
    if _family(first.format) != _family(second.format):
        return False
    if first.columns is None or second.columns is None:
        return True
    return reading.compatible(first.columns, second.columns, strict)


def _family(name: str) -> str:
    return "json" if name == "ndjson" else name


# --- records ----------------------------------------------------------------------------------


def uri(namespace: str, path: str) -> str:
    """URI of a path in a namespace (``file`` is ``file://``), bytes that are no text escaped."""
    base = namespace if "://" in namespace else f"{namespace}://"
    return base + quote(path.encode("utf-8", "surrogateescape"), safe="/=*,+@:~()")


def asset_name(path: str) -> str:
    """The name of a path as it is stored."""
    return naming.clean_text(path)


def rows_of(bundle: Bundle, facts: Facts) -> tuple[int | None, str]:
    """(rows, exact or estimate); None when they cannot be known from what was read."""
    files = bundle.files
    if bundle.table_format is not None:  # files that the table has let go are still there
        return None, "exact"
    counted = [(file, facts[file.path].rows) for file in files if file.path in facts]
    known = [(file, rows) for file, rows in counted if rows is not None]
    total = sum(rows for _, rows in known)
    if len(known) == len(files):
        return total, "exact"
    if len(known) >= MAX_FOOTERS:
        read_bytes = sum(file.size for file, _ in known) or 1
        return round(total * sum(file.size for file in files) / read_bytes), "estimate"
    return None, "exact"


def measures(bundle: Bundle, rows: int | None, how: str) -> dict[str, Measure]:
    """Bytes, files, last written, and rows and partitions where they are known."""
    files = bundle.files
    found = {
        "bytes": Measure(float(sum(file.size for file in files))),
        "files": Measure(float(len(files))),
        "last_written": Measure(max(file.mtime_ns for file in files) / 1e9),
    }
    if rows is not None:
        found["rows"] = Measure(float(rows), how=how)
    if bundle.partition_keys:
        found["partitions"] = Measure(float(len({m.partition for m in bundle.members})))
    return found


def record(bundle: Bundle, namespace: str, parent: str | None, facts: Facts) -> Asset:
    """The asset record; ``facts`` holds at least one of the bundle's files."""
    newest = _newest(bundle, facts)
    rows, how = rows_of(bundle, facts)
    columns = _columns(bundle, facts, newest)
    rule = "files" if bundle.rule == "folder" and columns is None else bundle.rule
    return Asset(
        namespace=namespace,
        name=asset_name(bundle.name),
        kind=bundle.kind,
        parent=parent,
        columns=columns,
        location=uri(namespace, bundle.name),
        format=facts[newest.path].format,
        partition_keys=tuple(naming.clean_text(key) for key in bundle.partition_keys),
        properties=_properties(bundle, rule, facts, newest),
        measures=measures(bundle, rows, how),
        partitions=_partitions(bundle, facts) if bundle.partition_keys else None,
    )


def _newest(bundle: Bundle, facts: Facts) -> File:
    """The file whose word counts: the newest one with content."""
    read = [file for file in bundle.files if file.path in facts]
    filled = [file for file in read if facts[file.path].format != "empty"]
    return max(filled or read, key=lambda file: (file.mtime_ns, file.path))


def _columns(bundle: Bundle, facts: Facts, newest: File) -> tuple[Any, ...] | None:
    """The newest file's columns, then those of others, then the partition keys."""
    order = [newest.path, *(file.path for file in bundle.files if file.path != newest.path)]
    schemas = [facts[path].columns for path in order if path in facts]
    known = [columns for columns in schemas if columns is not None]
    if not known:
        return None
    own = reading.union(dict.fromkeys(known))  # most files of a dataset have the same columns
    taken = {column.path for column in own}
    keys = [column for column in key_columns(bundle) if column.path not in taken]
    return fields_of((*own, *keys))


def key_columns(bundle: Bundle) -> list[reading.Column]:
    """Partition keys as columns; the type that fits all values: int64, date or string."""
    columns = []
    for key in bundle.partition_keys:
        values = [dict(member.values).get(key) for member in bundle.members]
        texts = {value for value in values if value is not None}
        path = naming.join_path([naming.clean_text(key)])
        columns.append(reading.Column(path, reading.key_type(texts), nullable=None in values))
    return columns


def _properties(bundle: Bundle, rule: str, facts: Facts, newest: File) -> dict[str, Any]:
    """What holds for all files alike, and the rule that made the dataset."""
    found: dict[str, Any] = {"grouping": rule, "grouping_why": WHY[rule]}
    if bundle.table_format is not None:
        found["table_format"] = bundle.table_format
    read = [facts[file.path] for file in bundle.files if file.path in facts]
    filled = [fact for fact in read if fact.format != "empty"] or read
    own = facts[newest.path].properties
    for key in _SHARED:
        if key in own:
            same = all(fact.properties.get(key) == own[key] for fact in filled)
            found[key] = own[key] if same else "mixed"
    pairs = _common_pairs(filled)
    return {**found, "key_value": pairs} if pairs else found


def _common_pairs(facts: Sequence[reading.FileFacts]) -> dict[str, str]:
    """Footer key-values that all files share; others (ids of writers) would change all the time."""
    first, *others = (fact.properties.get("key_value", {}) for fact in facts)
    return {k: v for k, v in first.items() if all(other.get(k) == v for other in others)}


def _partitions(bundle: Bundle, facts: Facts) -> tuple[Partition, ...]:
    """One row per partition, in the order of the listing."""
    groups: dict[str, list[Member]] = {}
    for member in bundle.members:
        groups.setdefault(member.partition or bundle.folder, []).append(member)
    return tuple(_partition(path, members, facts) for path, members in groups.items())


def _partition(path: str, members: Sequence[Member], facts: Facts) -> Partition:
    rows: int | None = 0
    for member in members:
        fact = facts.get(member.file.path)
        one = fact.rows if fact is not None else None
        rows = None if rows is None or one is None else rows + one
    return Partition(
        path=asset_name(path),
        values={
            naming.clean_text(key): None if value is None else naming.clean_text(value)
            for key, value in members[0].values
        },
        files=len(members),
        rows=rows,
        bytes=sum(member.file.size for member in members),
        newest_file=max(member.file.mtime_ns for member in members) / 1e9,
    )
