"""Writing the Whoosh index: a document's fields, commits, and keeping segments few.

Whoosh's traps that this file goes around: the same id twice in one commit leaves two live
documents (callers give each asset once, and old ones are dropped by document number); readers
opened with ``reuse`` see dropped segments again (each segment is opened by itself).
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from whoosh.codec.whoosh3 import W3Codec
from whoosh.filedb.filestore import FileStorage
from whoosh.index import FileIndex
from whoosh.writing import LockError, SegmentWriter

from catalog import naming
from catalog.errors import Conflict
from catalog.search.document import Document, document_hash
from catalog.search.engine import Position
from catalog.search.text import atoms, fold, positions
from catalog.search.whoosh_pool import TermPool, Terms
from catalog.search.whoosh_schema import (
    HEAD,
    STATE_LIVE,
    STATE_POSITION,
    STATE_REFERENCED,
    schema,
)

MERGE_AT: Final = 8
"""Segments of one size (a power of eight documents) that are merged into one."""
MERGE_DOCUMENTS: Final = 5_000
"""Documents copied by one commit at most: two seconds, in which a change waits to be found."""
_GAP: Final = 100  # positions between two columns, so that no phrase spans them
_FLAGS: Final = {"endorsed": 1, "warned": -1, "deprecated": -2}
_SCHEMA: Final = schema()


class Writer:
    """One commit. Raises `Conflict` when another process writes."""

    def __init__(self, index: Any, *, merge: bool = True) -> None:
        try:
            # Compression of blocks gains little and costs a third of the time; Whoosh reads a
            # compound file as a whole into memory.
            self._writer = SegmentWriter(
                index,
                timeout=0.0,
                compound=False,
                codec=W3Codec(blocklimit=512, compression=0),
            )
        except LockError as error:
            raise Conflict(
                "Another process writes the search index.",
                remedy="Wait until it is done; the index follows the store by itself.",
            ) from error
        self._merge = merge
        self._pool = self._writer.pool = TermPool()
        self._writer.fieldwriter.add_postings = self._write_postings

    def _write_postings(self, _schema: Any, _lengths: Any, _items: Any) -> None:
        self._pool.write(self._writer.fieldwriter)

    def drop(self, numbers: Iterable[int]) -> None:
        """Drops documents by their number in the index as it was opened."""
        for number in numbers:
            self._writer.delete_document(number)

    def add(self, one: Document) -> None:
        """Adds the document of an asset that is not in the index, or was dropped."""
        self._add(*index_fields(one))

    def put_position(self, position: Position) -> None:
        """Adds the document that holds the position."""
        head = HEAD.pack(0, bytes(16), bytes(16), 0, 0, 0, STATE_POSITION, 0)
        payload = json.dumps(asdict(position)).encode()
        self._add({}, {"head": head, "payload": payload, "order": b""})

    def _add(self, postings: Mapping[str, Terms], values: Mapping[str, bytes]) -> None:
        """What ``SegmentWriter.add_document`` does, without its analysis."""
        writer = self._writer
        writer.perdocwriter.start_doc(writer.docnum)
        for field, terms in postings.items():
            self._pool.add_terms(field, terms, writer.docnum)
        for field, value in values.items():
            writer.perdocwriter.add_column_value(field, _SCHEMA[field].column_type, value)
        writer.perdocwriter.finish_doc()
        writer._added = True
        writer.docnum += 1

    def commit(self) -> None:
        """Makes all of it the index, at once."""
        self._writer.commit(mergetype=_merge_alike if self._merge else _merge_nothing)

    def cancel(self) -> None:
        """Leaves the index as it was."""
        if not self._writer.is_closed:
            self._writer.cancel()


def create(folder: Path) -> Any:
    """An empty Whoosh index in an empty folder."""
    return FileIndex.create(FileStorage(str(folder)), _SCHEMA)


def index_at(folder: Path) -> Any:
    """The Whoosh index in a folder, to write to."""
    return FileIndex(FileStorage(str(folder)), _SCHEMA)


class Builder:
    """Fills a new index, a segment at a time; nobody reads it before it is finished."""

    def __init__(self, folder: Path, segment: int) -> None:
        self._index = create(folder)
        self._segment = segment
        self._writer: Writer | None = None
        self._added = 0

    def add(self, documents: Iterable[Document]) -> None:
        """Adds documents; each asset once."""
        for one in documents:
            self._open().add(one)
            self._added += 1
            if self._added % self._segment == 0:
                self._close()

    def finish(self, position: Position) -> None:
        """Writes the position and what is left."""
        self._open().put_position(position)
        self._close()

    def cancel(self) -> None:
        """Lets go of the index."""
        if self._writer is not None:
            self._writer.cancel()

    def _open(self) -> Writer:
        if self._writer is None:
            self._writer = Writer(self._index, merge=False)
        return self._writer

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.commit()
        self._writer = None


def _merge_nothing(_writer: Any, segments: list[Any]) -> list[Any]:
    return list(segments)


def _merge_alike(writer: Any, segments: list[Any]) -> list[Any]:
    """Merges segments once eight of about one size are there, and those mostly dropped.

    At most `MERGE_DOCUMENTS` in one commit. Answers the segments that are kept as they are.
    """
    by_size: dict[int, list[Any]] = {}
    chosen: list[Any] = []
    for segment in segments:
        live = segment.doc_count()
        if live and live * 2 < segment.doc_count_all():
            chosen.append(segment)
        elif 0 < live < MERGE_DOCUMENTS:
            by_size.setdefault((live.bit_length() - 1) // 3, []).append(segment)
    for group in by_size.values():
        if len(group) >= MERGE_AT:
            chosen.extend(group)
    left = MERGE_DOCUMENTS
    merged = []
    for segment in sorted(chosen, key=lambda one: one.doc_count()):
        left -= segment.doc_count()
        if left < 0:
            break
        merged.append(segment)
        _copy(writer, segment)
    # What has no live document is left out, and Whoosh removes its files.
    return [one for one in segments if one not in merged and one.doc_count()]


def _copy(writer: Any, segment: Any) -> None:
    from whoosh.reading import SegmentReader

    reader = SegmentReader(writer.storage, writer.schema, segment)
    try:
        writer.add_reader(reader)
    finally:
        reader.close()


# --- a document's fields --------------------------------------------------------------------


def index_fields(one: Document) -> tuple[dict[str, Terms], dict[str, bytes]]:
    """The terms and the column values of a document, by field."""
    leaf = sum(len(found.parts) for _, found in atoms(one.leaf))
    order = f"{fold(one.leaf)[:200]}\0{one.name[:200]}"
    columns = {
        "head": _head(one, leaf),
        "payload": zlib.compress(_payload(one), 1),
        "order": order.encode("utf-8", "replace"),
    }
    terms: dict[str, Terms] = {
        "raw_exact": exact_terms(one),
        **{f"raw_{name}": dict.fromkeys(map(raw, values)) for name, values in _raw(one)},
    }
    if not one.referenced:  # a referenced asset is found by its exact name only
        terms.update(_words(one))
    return terms, columns


def _raw(one: Document) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield "class", (one.asset_class,)
    yield "kind", (one.kind,)
    yield "platform", (one.platform,)
    yield "namespace", (one.namespace,)
    yield "name", (one.name,)
    yield "tag", one.tags
    yield "owner", one.owners
    yield "classification", one.classifications
    yield "domain", one.domains
    yield "source", () if one.source is None else (one.source,)
    yield "flag", () if one.flag is None else (one.flag,)
    yield "environment", () if one.environment is None else (one.environment,)


def raw(value: str) -> str:
    """A keyword as a term: the sign in front makes the empty text a term too."""
    return "=" + value


def _words(one: Document) -> dict[str, Terms]:
    paths: dict[str, list[int]] = {}
    comments: dict[str, list[int]] = {}
    at = there = 0
    for path, comment in one.columns:
        at = positions(path, paths, at) + _GAP
        if comment:
            there = positions(comment, comments, there) + _GAP
    return {
        "name": _positional(one.name),
        "leaf": _tokens(one.leaf),
        "title": _positional(one.title),
        "description": _positional(one.description),
        "columns": paths,
        "comments": comments,
        "labels": _tokens(*one.tags, *one.domains),
        "people": _tokens(*one.owner_names),
        "body": _tokens(one.identifiers, *one.parents),
    }


def _positional(text: str | None) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    if text:
        positions(text, found)
    return found


def _tokens(*texts: str) -> dict[str, None]:
    found: dict[str, list[int]] = {}
    for text in texts:
        positions(text, found)
    return dict.fromkeys(found)


def exact_terms(one: Document) -> dict[str, None]:
    """Folded names by which an asset is found exactly: ``f`` full, ``s`` part, ``j`` joined."""
    found: dict[str, None] = {}
    if fold(one.name) != one.name:  # else the raw name says it
        found[f"f{fold(one.name)}"] = None
    for text in (one.leaf, *_suffixes(one.name, one.platform)):
        found[f"s{fold(text)}"] = None
    letters = joined(one.leaf)
    if letters and letters != fold(one.leaf):
        found[f"j{letters}"] = None
    return found


def _suffixes(name: str, platform: str) -> Iterator[str]:
    """``a.b.c`` -> ``b.c``, ``c``; of a path the last two steps."""
    if naming.is_path(platform):
        steps = naming.parts_of(name, platform)
        yield from ("/".join(steps[start:]) for start in range(max(1, len(steps) - 3), len(steps)))
        return
    parts = naming.split_name(name)
    yield from (naming.join_name(parts[start:]) for start in range(1, len(parts)))


def joined(text: str) -> str:
    """Letters and digits alone, folded: what ``order items`` and ``OrderItems`` share."""
    return "".join(found.whole for _, found in atoms(text))[:300]


def _head(one: Document, parts: int) -> bytes:
    start = fold(one.leaf).encode("utf-8", "replace")[:4].ljust(4, b"\0")
    return HEAD.pack(
        one.key,
        naming.id_bytes(one.uid) or bytes(16),
        document_hash(one),
        int.from_bytes(start, "big"),
        min(max(one.popularity, 0), 9),
        _FLAGS.get(one.flag or "", 0),
        STATE_REFERENCED if one.referenced else STATE_LIVE,
        min(parts, 255),
    )


def _payload(one: Document) -> bytes:
    """What a hit shows: names and the texts to highlight."""
    return json.dumps(
        {
            "name": one.name,
            "namespace": one.namespace,
            "kind": one.kind,
            "leaf": one.leaf,
            "title": one.title,
            "description": one.description,
            "columns": one.columns,
            "tags": one.tags,
            "owners": one.owner_names,
        },
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode("utf-8", "surrogatepass")
