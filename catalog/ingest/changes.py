"""What the change log and the versions keep of a known asset that a crawl wrote anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog import naming
from catalog.crawling import records
from catalog.history.unit import Unit, dump, unpack
from catalog.ingest.context import CrawlContext
from catalog.ingest.diff import difference
from catalog.ingest.lookup import Existing
from catalog.ingest.matching import Known


def note_changes(
    unit: Unit,
    context: CrawlContext,
    one: Known,
    mine: tuple[str, bytes] | None,
    before: records.Asset | None,
    after: records.Asset,
    row: Mapping[str, Any],
    cause: str | None,
) -> None:
    """Notes what a record changes; ``mine``: state and record of the sighting as it was."""
    key, subject = one.row.key, naming.id_text(one.row.uid)
    identity = _identity_changes(one, row, before, after)
    left = unpack(mine[1]) if mine is not None and mine[0] != "withdrawn" else None
    noted = False
    for what, was, now in identity:
        unit.change(what, subject=subject, asset=key, before=was, after=now, cause=cause)
        noted = True
    if before is not None:
        found = difference(before, after)
        if found.schema_after or found.schema_before:
            unit.change(
                "schema",
                subject=subject,
                asset=key,
                before=found.schema_before,
                after=found.schema_after,
                cause=cause,
            )
            noted = True
        if found.metadata_after or found.metadata_before:
            unit.change(
                "metadata",
                subject=subject,
                asset=key,
                before=found.metadata_before,
                after=found.metadata_after,
                cause=cause,
            )
            noted = True
    if left != one.item.document:
        if not noted:  # another source decides; what this one says is kept all the same
            unit.change(
                "sighting", subject=subject, asset=key, after={"source": context.source.name}
            )
        unit.version(key, f"sighting:{context.source.key}", left)
    decided = one.row.source != row["source"]  # by another source than before
    if decided or any(what not in ("recreated", "found") for what, _, _ in identity):
        unit.version(key, "asset", asset_document(one.row))


def _identity_changes(
    one: Known,
    row: Mapping[str, Any],
    before: records.Asset | None,
    after: records.Asset,
) -> list[tuple[str, Any, Any]]:
    """Changes of the asset's own row, as (what, before, after)."""
    found: list[tuple[str, Any, Any]] = []
    old = one.row
    if old.state == "removed":
        found.append(("restored", {"state": "removed"}, {"state": "crawled"}))
    elif old.state != "crawled":
        found.append(("crawled", {"state": old.state}, {"state": "crawled"}))
    if old.name != row["name"] or old.namespace != row["namespace"]:
        found.append(("renamed", {"name": old.name}, {"name": row["name"]}))
    if one.recreated:
        found.append(("recreated", {"id": old.stable_id}, {"id": one.item.record.id}))
    if old.sighted == "held":
        found.append(("found", {"state": "held"}, {"state": "present"}))
    if old.kind != row["kind"]:
        found.append(("kind", {"kind": old.kind}, {"kind": row["kind"]}))
    if old.parent != row["parent"]:
        found.append(("moved", {"parent": before and before.parent}, {"parent": after.parent}))
    return found


def asset_document(row: Existing) -> bytes:
    """The part ``asset`` of a version: what the asset's own row says of its identity."""
    return dump(
        {
            "namespace": row.namespace,
            "asset_class": row.asset_class,
            "name": row.name,
            "kind": row.kind,
            "parent": row.parent,
            "state": row.state,
            "source": row.source,
        }
    ).encode()
