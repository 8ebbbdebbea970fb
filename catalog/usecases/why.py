"""Why is a name (not) in the catalog? No source covers it, filtered, failed, held, removed."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from sqlalchemy import Connection, func, select

from catalog import naming
from catalog.access.sqlfilter import visible_assets
from catalog.access.viewer import Viewer
from catalog.assets import resolve
from catalog.crawling.crawler import CrawlerConfig
from catalog.errors import NotFound
from catalog.history.store import table_of
from catalog.model import (
    Asset,
    Change,
    CrawlProblem,
    Hold,
    Namespace,
    Scope,
    Sighting,
    Source,
    clock,
)
from catalog.naming import id_text, normalize_location
from catalog.sources.configs import PUSH
from catalog.sources.seen import problems_seen, visible_sources

_ASSET, _SOURCE, _HOLD = table_of(Asset), table_of(Source), table_of(Hold)
_CHANGE, _PROBLEM = table_of(Change), table_of(CrawlProblem)
_NAMESPACE, _SCOPE, _SIGHTING = table_of(Namespace), table_of(Scope), table_of(Sighting)
_LIMIT = 20
_ORDER = ("filtered", "paused", "not_crawled", "not_listed", "not_covered")
"""Codes of what sources say, the most telling first."""


class Reason(msgspec.Struct, frozen=True):
    """One reason. ``code``: present, referenced, held, removed, filtered, failed, not_listed,
    not_covered, not_crawled, paused.
    """

    code: str
    message: str
    source: str | None = None
    at: str | None = None
    hint: str | None = None


class Why(msgspec.Struct, frozen=True):
    """What is known about a name. ``asset``: public id, if there is one."""

    name: str
    asset: str | None
    reasons: list[Reason]


def why(connection: Connection, viewer: Viewer, name: str) -> Why:
    """All reasons that are known, the most telling first. A viewer learns nothing of what they
    may not see: sources' patterns and failures are told to those who may read sources."""
    viewer.require("read")
    try:
        match = resolve.resolve(connection, viewer, name)
    except NotFound:
        return Why(name, None, _absent(connection, viewer, name))
    row = connection.execute(select(_ASSET).where(_ASSET.c.key == match.key)).one()
    return Why(name, id_text(row.uid), _present(connection, viewer, row))


def _present(connection: Connection, viewer: Viewer, row: Any) -> list[Reason]:
    found = _held(connection, viewer, row) + _failed_asset(connection, viewer, row)
    if row.state == "removed":
        return [_removed(connection, row), *found]
    if row.state == "referenced":
        reason = Reason(
            "referenced",
            "It is only referred to (by SQL, lineage or a model); no crawl has described it.",
            hint="Ordinary search leaves it out; it is found by its exact name.",
        )
        namespace = connection.execute(
            select(_NAMESPACE.c.text).where(_NAMESPACE.c.key == row.namespace)
        ).scalar_one()
        return [reason, *_sources(connection, viewer, f"{namespace}/{row.name}", namespace)]
    seen = connection.execute(
        select(_SOURCE.c.name, _SCOPE.c.last_complete_at)
        .join(_SIGHTING, _SIGHTING.c.source == _SOURCE.c.key)
        .join(_SCOPE, _SCOPE.c.key == _SIGHTING.c.scope)
        .where(
            _SIGHTING.c.asset == row.key,
            _SIGHTING.c.state == "present",
            visible_sources(viewer),
        )
    ).all()
    present = [
        Reason(
            "present",
            f"It is in the catalog; the source {one.name} reports it.",
            source=one.name,
            at=clock.to_text(one.last_complete_at),
        )
        for one in seen
    ]
    return [*found, *present] or [Reason("present", "It is in the catalog.")]


def _held(connection: Connection, viewer: Viewer, row: Any) -> list[Reason]:
    holds = connection.execute(
        select(_HOLD.c.why, _HOLD.c.since, _SOURCE.c.name)
        .join(_SOURCE, _SOURCE.c.key == _HOLD.c.source)
        .where(_HOLD.c.asset == row.key, _HOLD.c.ended_at.is_(None), visible_sources(viewer))
    )
    return [
        Reason(
            "held",
            f"It is missing in {one.name}, but its removal is held: {one.why}",
            source=one.name,
            at=clock.to_text(one.since),
            hint="A steward confirms the removal, or the next crawl that sees it ends the hold.",
        )
        for one in holds
    ]


def _removed(connection: Connection, row: Any) -> Reason:
    change = connection.execute(
        select(_CHANGE.c.at, _CHANGE.c.actor, _CHANGE.c.cause)
        .where(_CHANGE.c.asset == row.key, _CHANGE.c.what == "removed")
        .order_by(_CHANGE.c.sequence.desc())
        .limit(1)
    ).first()
    cause = None if change is None else change.cause
    if cause and cause.startswith("filtered by"):
        return Reason(
            "filtered",
            f"It was left out: {cause}.",
            at=clock.to_text(change.at) if change else None,
            hint="Change the source's patterns; what people wrote comes back with it.",
        )
    return Reason(
        "removed",
        "It was removed: no source reports it any more" + (f" ({cause})." if cause else "."),
        at=clock.to_text(row.removed_at),
        hint="What people wrote is kept and comes back with it.",
    )


def _failed_asset(connection: Connection, viewer: Viewer, row: Any) -> list[Reason]:
    return _problems(connection, viewer, _PROBLEM.c.asset == row.key)


def _problems(connection: Connection, viewer: Viewer, condition: Any) -> list[Reason]:
    rows = connection.execute(
        select(
            _PROBLEM.c.what, _PROBLEM.c.why, _PROBLEM.c.hint, _PROBLEM.c.last_seen, _SOURCE.c.name
        )
        .join(_SOURCE, _SOURCE.c.key == _PROBLEM.c.source)
        .where(condition, problems_seen(viewer), _PROBLEM.c.resolved_at.is_(None))
        .order_by(_PROBLEM.c.last_seen.desc())
        .limit(_LIMIT)
    )
    return [
        Reason(
            "failed",
            f"{one.what} could not be read: {one.why}",
            source=one.name,
            at=clock.to_text(one.last_seen),
            hint=one.hint,
        )
        for one in rows
    ]


def _absent(connection: Connection, viewer: Viewer, name: str) -> list[Reason]:
    location = normalize_location(name)
    failed = _problems(
        connection, viewer, _PROBLEM.c.what.in_([name, location, location.removeprefix("file")])
    )
    return _gone(connection, viewer, name) + failed + _sources(connection, viewer, name, None)


def _gone(connection: Connection, viewer: Viewer, name: str) -> list[Reason]:
    """Removed assets whose name, or its last parts, it is: no form of a name finds them."""
    leaves = {naming.leaf(name, "postgres"), naming.leaf(name, "s3")}
    keys = sorted({naming.text_key(text) for leaf in leaves for text in (leaf, leaf.lower())})
    rows = connection.execute(
        select(_ASSET)
        .where(_ASSET.c.leaf_key.in_(keys), _ASSET.c.state == "removed", visible_assets(viewer))
        .limit(_LIMIT)
    )
    return [
        _removed(connection, row)
        for row in rows
        if row.name == name or name.endswith(f".{row.name}") or row.name.endswith(f".{name}")
    ]


def _sources(
    connection: Connection, viewer: Viewer, name: str, namespace: str | None
) -> list[Reason]:
    """What each source that could cover the name says about it."""
    found: list[Reason] = []
    sources = connection.execute(
        select(_SOURCE)
        .where(_SOURCE.c.removed_at.is_(None), visible_sources(viewer))
        .order_by(_SOURCE.c.name)
    ).all()
    rests = [(source, _rest(source, name, namespace)) for source in sources]
    covering = [(source, rest) for source, rest in rests if rest is not None]
    if not covering and not _is_full(name):
        # A bare name could be in any source that is crawled.
        covering = [(source, name) for source in sources if source.kind != PUSH]
    for source, rest in covering:
        found.extend(_said_by(connection, viewer, source, rest))
    if not covering:
        known = ", ".join(source.name for source in sources) or "none yet"
        found.append(
            Reason(
                "not_covered",
                "No source covers this name.",
                hint=f"Sources: {known}. Add one with `catalog source add`.",
            )
        )
    return sorted(found, key=lambda one: _ORDER.index(one.code))


def _rest(source: Any, name: str, namespace: str | None) -> str | None:
    """The part of the name inside the source's namespaces; None: not covered."""
    if name.startswith(source.name + "."):
        return name[len(source.name) + 1 :]
    for allowed in json.loads(source.namespaces):
        prefix = allowed.removesuffix("*").rstrip("/")
        if namespace == prefix or name == prefix:
            return name[len(prefix) :].lstrip("/") if name.startswith(prefix) else name
        if name.startswith(prefix + "/"):
            rest = name[len(prefix) :]
            return rest if prefix == "file" else rest.lstrip("/")
    if name.startswith("/") and "file" in json.loads(source.namespaces):
        return name
    return None


def _is_full(name: str) -> bool:
    """Whether the name says which system it is in."""
    return "://" in name or name.startswith(("/", "file/"))


def _said_by(connection: Connection, viewer: Viewer, source: Any, rest: str) -> list[Reason]:
    found: list[Reason] = []
    pattern = _refused(source, rest)
    if pattern is not None:
        told = pattern if viewer.may("source") else "by a pattern"
        hint = "Change the source's patterns; `catalog source preview` shows what they select."
        message = f"The source {source.name} leaves it out: {told}."
        found.append(Reason("filtered", message, source=source.name, hint=hint))
        return found
    if source.paused:
        found.append(Reason("paused", f"The source {source.name} is paused.", source=source.name))
    last = connection.execute(
        select(func.min(_SCOPE.c.last_complete_at)).where(
            _SCOPE.c.source == source.key, _SCOPE.c.last_complete_at.is_not(None)
        )
    ).scalar()
    if last is None:
        found.append(
            Reason(
                "not_crawled",
                f"The source {source.name} was never crawled completely.",
                source=source.name,
                hint=f"Run `catalog crawl {source.name}`.",
            )
        )
    else:
        found.append(
            Reason(
                "not_listed",
                f"The source {source.name} was crawled and did not list it.",
                source=source.name,
                at=clock.to_text(last),
            )
        )
    return found


def _refused(source: Any, name: str) -> str | None:
    if source.kind == "push":
        return None
    patterns = {
        key: value
        for key, value in json.loads(source.config).items()
        if key in ("include", "exclude")
    }
    return CrawlerConfig(**patterns).refused_by(name)
