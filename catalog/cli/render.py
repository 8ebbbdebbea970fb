"""Read models for people, on standard output. Nothing here decides or reads anything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from catalog.cli.context import out, say, table
from catalog.naming import canonical


def found_json(found: Any) -> dict[str, Any]:
    """A page of hits as other tools rely on it: ``total`` or ``at_least``, never both."""
    count = {"total": found.total} if found.at_least is None else {"at_least": found.at_least}
    return {
        "items": found.items,
        **count,
        "next": found.next,
        "facets": found.facets,
        "fallback": found.fallback,
        "did_you_mean": found.did_you_mean,
    }


def found(page: Any) -> None:
    """A page of hits."""
    if page.fallback and page.items:
        say("Nothing has all of these words; these have some:")
    rows = [[hit.kind, canonical(hit.namespace, hit.name), _about(hit)] for hit in page.items]
    if rows:
        table(None, ["kind", "name", ""], rows)
    _counted(page, len(rows))
    for facet, values in page.facets.items():
        said = ", ".join(f"{one.label} {one.count:,}" for one in values)
        out(f"{facet}: {said or '-'}")
    for one in page.did_you_mean:
        say(f"Did you mean {canonical(one.namespace, one.name)} ({one.kind})?")


def _about(hit: Any) -> str:
    flag = f"[{hit.flag}] " if hit.flag else ""
    return flag + (hit.title or hit.description or "")


def _counted(page: Any, shown: int) -> None:
    """How many there are, and that there are more."""
    total = getattr(page, "total", None)
    at_least = getattr(page, "at_least", None)
    if total is not None:
        text = f"{total:,} found" if total != shown else f"{total:,}"
    else:
        text = f"at least {at_least or shown:,} found"
    more = f"; the next: {page.next}" if page.next is not None else ""
    say(f"{text}, {shown:,} shown{more}" if text.endswith("found") else f"{text} found{more}")


def asset(view: Any) -> None:
    """An asset whole."""
    out(f"{view.kind} {view.canonical}")
    for name, value in _head(view):
        if value:
            out(f"  {name:<12} {value}")
    if view.description:
        out()
        out(view.description)
    if view.columns is not None and view.columns_total:
        out()
        more = f" of {view.columns_total:,}" if view.columns_total > len(view.columns) else ""
        out(f"{len(view.columns):,}{more} columns")
        _columns(view.columns)
    if view.definition is not None:
        out()
        out(view.definition.text)


def _head(view: Any) -> Iterable[tuple[str, str | None]]:
    yield "title", view.title
    yield "state", None if view.state == "crawled" else view.state
    yield "trust", _flags(view.flags)
    yield "owners", ", ".join(f"{one.name} ({one.role})" for one in view.owners)
    yield "tags", _tags(view.tags)
    yield "inside", " / ".join(crumb.label for crumb in view.parents)
    yield "source", ", ".join(one.source for one in view.seen_by or ()) or view.source
    yield "format", view.format
    yield "location", view.location
    yield "partitions", ", ".join(view.partition_keys)
    for name, measure in (view.measures or {}).items():
        yield name, _measured(name, measure)
    for key in view.keys:
        to = f" -> {key.references}" if key.references else ""
        yield f"{key.kind} key", ", ".join(key.columns) + to
    if view.crawl is not None:
        yield "last crawl", f"{view.crawl.at} ({view.crawl.crawl_state})"
    yield "missing", view.held_since and f"since {view.held_since}"
    yield "page", view.url


def _measured(name: str, measure: Any) -> str:
    if name == "last_written":
        from catalog.model import clock

        return clock.to_text(clock.of_seconds(measure.value)) or f"{measure.value:g} s"
    about = "about " if measure.how == "estimate" else ""
    whole = measure.value == int(measure.value)
    return about + (f"{int(measure.value):,}" if whole else f"{measure.value:,}")


def _flags(flags: Sequence[Any]) -> str:
    return ", ".join(
        f"{one.kind} by {one.name or one.by}" + (f": {one.reason}" if one.reason else "")
        for one in flags
    )


def _tags(tags: Sequence[Any]) -> str:
    return ", ".join(one.tag + (f"={one.value}" if one.value is not None else "") for one in tags)


def columns(page: Any) -> None:
    """A page of columns."""
    _columns(page.items)
    _counted(page, len(page.items))


def _columns(items: Sequence[Any]) -> None:
    rows = [
        [
            one.path,
            one.native_type or one.type,
            "" if one.nullable is not False else "not null",
            " ".join(one.keys),
            _tags(one.tags),
            one.description or "",
        ]
        for one in items
    ]
    table(None, ["column", "type", "", "keys", "tags", "description"], rows)


def graph(found: Any) -> None:
    """A graph, level by level, upstream first; a column trace with its columns."""
    nodes = {node.id: node for node in found.nodes}
    edges = found.column_edges if found.column is not None else found.edges
    for node in sorted(found.nodes, key=lambda one: (one.level, one.name)):
        sign = "=" if node.id == found.root else "^" if node.level < 0 else "v"
        at = f" #{', #'.join(node.columns)}" if node.columns else ""
        badge = f" [{node.state}]" if node.state in ("referenced", "removed") else ""
        more = node.more_up + node.more_down
        rest = f" (+{more:,} more)" if more else ""
        level = "  " * abs(node.level)
        out(f"{level}{sign} {node.kind} {canonical(node.namespace, node.name)}{at}{badge}{rest}")
    if edges:
        out()
    for edge in edges or ():
        out(
            f"{_end(nodes, edge.source, edge.source_column)} -> "
            f"{_end(nodes, edge.target, edge.target_column)}{_via(edge)}"
        )
    if found.truncated:
        say("Not everything within this depth is drawn; raise --budget or --depth.")


def _end(nodes: dict[str, Any], node: str, column: str | None) -> str:
    known = nodes.get(node)
    label = known.name if known is not None else node
    return label + (f"#{column}" if column else "")


def _via(edge: Any) -> str:
    said = [] if edge.kind == "direct" else [edge.kind]
    if edge.via is not None:
        said.append(f"by {edge.via.name}")
    return f" ({', '.join(said)})" if said else ""


def why(found: Any) -> None:
    """Reasons, the most telling first."""
    for one in found.reasons:
        at = f" ({one.at})" if one.at else ""
        out(f"{one.code}: {one.message}{at}")
        if one.hint:
            out(f"  {one.hint}")


def changes(page: Any) -> None:
    """A page of the change log."""
    rows = [
        [
            one.at,
            one.what,
            (one.asset or f"{one.subject_type} {one.subject}")
            + (f"#{one.column}" if one.column else ""),
            one.actor_name or one.actor,
            one.cause,
        ]
        for one in page.items
    ]
    table(None, ["time", "what", "of", "by", "cause"], rows)
    if page.next is not None:
        say(f"The next: {page.next}")


def summaries(page: Any) -> None:
    """A page of a list or of browsing."""
    rows = [
        [one.kind, canonical(one.namespace, one.name), _children(one), _about(one)]
        for one in page.items
    ]
    table(None, ["kind", "name", "holds", ""], rows)
    _counted(page, len(rows))


def _children(one: Any) -> str:
    tally = one.children
    if tally is None:
        return ""
    return f"{tally.total:,}" if tally.total is not None else f"{tally.at_least:,}+"
