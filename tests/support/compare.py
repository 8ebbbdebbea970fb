"""The forms in which the product and the reference model are compared."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from tests.support.things import Thing


def same(have: dict[str, Any], want: dict[str, Any], what: str) -> None:
    """Fails with what differs only: name -> (is, should be)."""
    wrong = {
        name: (have.get(name), want.get(name))
        for name in (*have, *want)
        if have.get(name) != want.get(name)
    }
    assert not wrong, f"{what}: {wrong}"


def grouped(rows: Any) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for row in rows:
        found.setdefault(row.asset, []).append(row)
    return found


def thing_state(thing: Thing) -> dict[str, Any]:
    """The model's asset in the form of `row_state`."""
    live = thing.live()
    written = thing.facts.get((0, "description", ""), thing.description)
    return {
        "name": thing.name,
        "class": thing.cls,
        "kind": thing.kind,
        "state": thing.state,
        "source": thing.source,
        "description": written or None,
        "columns": sorted(
            (one.number, one.field.path, one.field.type, one.live) for one in thing.columns
        ),
        "sightings": sorted((source, s.scope, s.state, s.id) for source, s in thing.seen.items()),
        "facts": sorted((*where, json.dumps(value)) for where, value in thing.facts.items()),
        "definitions": sorted(
            {statement.text for seen in live.values() for statement in seen.item.statements}
        ),
    }


def row_state(
    row: Any, names: dict[int, str], columns: Any, sightings: Any, facts: Any, uses: Any
) -> dict[str, Any]:
    return {
        "name": row.name,
        "class": row.asset_class,
        "kind": row.kind,
        "state": row.state,
        "source": names.get(row.source),
        "description": row.description,
        "columns": sorted((one.number, one.path, one.type, one.live) for one in columns),
        "sightings": sorted((one.source, one.scope, one.state, one.stable_id) for one in sightings),
        "facts": sorted(
            (one.column, one.property, one.item, json.dumps(json.loads(one.value))) for one in facts
        ),
        "definitions": sorted({one.text for one in uses}),
    }


_NOW_ONLY = (
    "matched_by", "measures", "popularity", "rows_class", "children", "seen_by", "crawl",
    "complete", "aliases", "held_since", "definition", "sequence", "changed_at",
)  # fmt: skip


def lasting(view: Any) -> dict[str, Any]:
    """What of a read model is also known of the past."""
    built = msgspec.to_builtins(view)
    for name in _NOW_ONLY:
        built.pop(name)
    for one in (built["title_origin"], built["description_origin"], *_origins(built)):
        if one is not None and one["layer"] == "crawled":
            one["at"] = None  # when the source was last asked is of now
    return dict(built)


def _origins(view: dict[str, Any]) -> Iterator[Any]:
    for holder in (view, *(view["columns"] or ())):
        yield from (one["origin"] for one in (*holder["owners"], *holder["tags"]))
        yield holder["description_origin"]
