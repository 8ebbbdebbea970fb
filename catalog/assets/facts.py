"""Effective owners, tags, flags and texts with where each comes from. Pure.

The same rules as `catalog.assets.effective`, which writes what lists sort and filter by; here
each value carries its origin, for those who read one asset.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from catalog.assets.people import Named, Names
from catalog.assets.views import Flag, Origin, Owner, Tag
from catalog.crawling import records
from catalog.history.facts import FactRow
from catalog.model.clock import to_text
from catalog.naming import clean_text

_LAYERS: Final = {"curated": 0, "crawled": 1, "inferred": 2}
_loads = msgspec.json.decode
SEVERITY: Final = {"deprecated": 3, "warned": 2, "endorsed": 1}


class Report(NamedTuple):
    """What one source says: key, short name, when it last said something new, the record."""

    source: int
    name: str
    at: int | None
    record: records.Asset

    @property
    def origin(self) -> Origin:
        """The origin of a value that this source reports."""
        return Origin(layer="crawled", source=self.name, at=to_text(self.at))


def fact_origin(fact: FactRow, names: Names) -> Origin:
    """The origin of a fact: who wrote it and when, or what inferred it."""
    source = fact.origin if fact.layer == "crawled" and fact.origin else None
    return Origin(
        layer=fact.layer,
        source=source,
        by=fact.author,
        name=names.actor(fact.author),
        at=to_text(fact.at),
        confidence=fact.confidence,
        evidence=fact.evidence,
    )


def text_of(
    name: str, crawled: str | None, origin: Origin | None, facts: Sequence[FactRow], names: Names
) -> tuple[str | None, Origin | None]:
    """(effective text, its origin). A curated empty text hides the source's: (None, curated)."""
    found = [fact for fact in facts if fact.property == name]
    first = min(found, key=_precedence) if len(found) > 1 else found[0] if found else None
    if crawled and (first is None or first.layer != "curated"):
        return clean_text(crawled), origin
    if first is None:
        return None, None
    return _loads(first.value) or None, fact_origin(first, names)


def _precedence(fact: FactRow) -> tuple[int, float, int]:
    return _LAYERS.get(fact.layer, 9), -(fact.confidence or 0.0), -fact.at


def owners_of(reports: Sequence[Report], facts: Sequence[FactRow], names: Names) -> list[Owner]:
    """Curated owners; without any the source's accounts; else inferred. ``''`` says: nobody."""
    found = [fact for fact in facts if fact.property == "owner"]
    if not found and not reports:
        return []
    curated = [fact for fact in found if fact.layer == "curated"]
    if curated:
        return [_owner(fact, names) for fact in curated if fact.item]
    for report in reports:
        if report.record.owners:
            return [
                _view(names.account(report.source, clean_text(name)), "owner", report.origin)
                for name in dict.fromkeys(report.record.owners)
                if name
            ]
    return [_owner(fact, names) for fact in found if fact.item]


def _owner(fact: FactRow, names: Names) -> Owner:
    reference, role = owner_item(fact.item)
    return _view(names.owner(reference), role, fact_origin(fact, names))


def owner_item(item: str) -> tuple[str, str]:
    """(reference, role) of an owner fact's item ``person:ID/ROLE``."""
    reference, slash, role = item.rpartition("/")
    return (reference, role) if slash else (item, "owner")


def _view(named: Named, role: str, origin: Origin) -> Owner:
    return Owner(
        type=named.type,
        id=named.id,
        name=named.name,
        email=named.email,
        role=role,
        origin=origin,
    )


def tags_of(reports: Sequence[Report], facts: Sequence[FactRow], names: Names) -> list[Tag]:
    """All tags by path: those of facts, and those that the deciding report has."""
    found: dict[str, Tag] = {}
    for report in reports:
        if report.record.tags:
            for path in report.record.tags:
                if path:
                    found[clean_text(path)] = Tag(clean_text(path), None, report.origin)
            break
    tagged = [fact for fact in facts if fact.property == "tag"]
    for fact in sorted(tagged, key=_precedence, reverse=True):
        found[fact.item] = Tag(fact.item, _tag_value(fact.value), fact_origin(fact, names))
    return [found[path] for path in sorted(found)]


def _tag_value(text: str) -> str | None:
    value: Any = _loads(text)
    if isinstance(value, dict):
        value = value.get("value")
    return value if isinstance(value, str) and value else None


def flags_of(facts: Sequence[FactRow], names: Names) -> list[Flag]:
    """All flags, one per person, the most severe first."""
    flags: list[Flag] = []
    for fact in facts:
        if fact.property != "flag":
            continue
        value = _loads(fact.value)
        by = fact.item or fact.author
        flags.append(
            Flag(
                kind=value.get("kind"),
                by=by,
                name=names.actor(by) or names.actor(fact.author),
                at=to_text(fact.at),
                reason=value.get("reason") or None,
            )
        )
    if len(flags) < 2:
        return flags
    return sorted(flags, key=lambda flag: (-SEVERITY.get(flag.kind, 0), flag.at or "", flag.by))


def references(facts: Sequence[FactRow]) -> set[str]:
    """All that must be named to show these facts: authors, owners, who flagged."""
    found = {fact.author for fact in facts}
    found.update(owner_item(fact.item)[0] for fact in facts if fact.property == "owner")
    found.update(fact.item for fact in facts if fact.property == "flag")
    return found
