"""Makes a record ready outside any transaction: cleaned, canonical, hashed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from catalog import naming
from catalog.crawling import records

_NAMES: Final = frozenset(
    [
        "namespace",
        "name",
        "parent",
        "path",
        "columns",
        "references",
        "references_namespace",
        "references_columns",
        "partition_keys",
        "id",
        "kind",
        "asset_class",
        "type",
        "defines",
        "default_database",
        "default_schema",
    ]
)
"""Fields of records by which things are found again: kept as they are."""


@dataclass(slots=True)
class Prepared:
    """An asset record with all that the look-up needs. ``document``: its canonical JSON."""

    record: records.Asset
    document: bytes
    hash: bytes
    name_key: bytes
    stable_key: int | None
    statements: list[records.Statement]
    keep_statements: bool = False  # not reported this time, so not judged

    @property
    def identity(self) -> tuple[str, str, bytes]:
        """(namespace, class, name key): what makes an asset one."""
        return self.record.namespace, self.record.asset_class, self.name_key


def stable_key(source: int, stable_id: str | None) -> int | None:
    """64-bit key of (source, the source's own id), or None without one."""
    return None if stable_id is None else naming.text_key(f"{source}\0{stable_id}")


def prepare(record: records.Asset, source: int) -> Prepared:
    """Cleans and hashes a record. NUL and lone surrogates become visible escapes; user and
    password go out of the URLs in it."""
    try:
        document = records.canonical(record)
        clean = b"\\u0000" not in document and not _tells(document)
    except UnicodeEncodeError:
        clean = False
    if not clean:
        record = _cleaned(record)
        document = records.canonical(record)
    return Prepared(
        record=record,
        document=document,
        hash=records.digest(document),
        name_key=naming.name_key(record.name),
        stable_key=stable_key(source, record.id),
        statements=[],
    )


def restate(item: Prepared) -> Prepared:
    """The record with its statements' share in the hash: a new definition is a difference."""
    if item.statements:
        texts = b"\n".join(records.encode(statement) for statement in item.statements)
        item.hash = records.digest(item.document + b"\n" + texts)
    return item


def clean_record(record: records.Record) -> records.Record:
    """Any record with its text cleaned, when it needs it."""
    try:
        document = records.encode(record)
        if b"\\u0000" not in document and not _tells(document):
            return record
    except UnicodeEncodeError:
        pass
    cleaned: records.Record = _cleaned(record)
    return cleaned


def _tells(document: bytes) -> bool:
    """Whether a URL in it may hold a user, a password or a token; cheap, it sees every record."""
    if b"@" not in document and b"=" not in document:
        return False
    text = document.decode("utf-8", "replace")
    return naming.without_secrets(text) != text


def _cleaned(record: Any) -> Any:
    plain = _clean(msgspec.structs.asdict(record))
    return msgspec.convert(plain, type(record))


def _clean(value: Any, told: bool = True, all_told: bool = False) -> Any:
    """Text made fit for a store; in what is told, not in names, URLs lose user and password."""
    if isinstance(value, str):
        value = naming.clean_text(value)
        return naming.without_secrets(value) if told else value
    if isinstance(value, msgspec.Struct):
        return _clean(msgspec.structs.asdict(value))
    if isinstance(value, dict):
        return {
            naming.clean_text(key): _clean(
                item, all_told or key not in _NAMES, all_told or key == "properties"
            )
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_clean(item, told, all_told) for item in value]
    return value
