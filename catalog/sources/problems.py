"""What crawls could not read: the same failure every night is one row, and can be muted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, select, update

from catalog.access.viewer import Viewer
from catalog.crawling.records import digest
from catalog.errors import BadInput, NotFound
from catalog.history import dialect
from catalog.history.store import table_of
from catalog.history.unit import Unit
from catalog.model import CrawlProblem, clock
from catalog.naming import clean_text, id_bytes, new_id, without_secrets
from catalog.sources.seen import problems_seen

_PROBLEM = table_of(CrawlProblem)


@dataclass(frozen=True)
class Seen:
    """A failure as a crawl met it. ``what``: name or path; ``asset``: key, if it is known."""

    code: str
    what: str
    why: str
    hint: str | None = None
    asset: int | None = None


def subject_key(code: str, what: str) -> bytes:
    """16 bytes that stand for (code, what): what makes two failures the same one."""
    return digest(f"{code}\0{what}".encode("utf-8", "surrogatepass"))


def note(unit: Unit, source: int, scope: int | None, crawl: int, problems: Iterable[Seen]) -> int:
    """Writes failures of a crawl (keys); a known one counts up once per crawl. Answers how many.

    Text is cleaned of secrets in URLs. Operational: no change is written.
    """
    rows: dict[bytes, dict[str, Any]] = {}
    for seen in problems:
        row = _row(unit, source, scope, crawl, seen)
        rows[row["subject_key"]] = row  # one statement may not touch a row twice
    if not rows:
        return 0
    insert = dialect.insert(unit.connection, _PROBLEM)
    new = insert.excluded
    statement = insert.on_conflict_do_update(
        index_elements=["source", "subject_key"],
        set_={
            "scope": new.scope,
            "why": new.why,
            "hint": new.hint,
            "asset": new.asset,
            "times": _PROBLEM.c.times + case((_PROBLEM.c.last_crawl == new.last_crawl, 0), else_=1),
            "last_crawl": new.last_crawl,
            "last_seen": new.last_seen,
            "resolved_at": None,
        },
    )
    # In key order, so that two writers on PostgreSQL cannot wait for each other.
    unit.connection.execute(statement, [rows[key] for key in sorted(rows)])
    return len(rows)


def _row(unit: Unit, source: int, scope: int | None, crawl: int, seen: Seen) -> dict[str, Any]:
    what = _safe(seen.what)
    return {
        "uid": new_id(),
        "source": source,
        "scope": scope,
        "subject_key": subject_key(seen.code, what),
        "code": seen.code,
        "what": what,
        "why": _safe(seen.why),
        "hint": None if seen.hint is None else _safe(seen.hint),
        "asset": seen.asset,
        "first_crawl": crawl,
        "last_crawl": crawl,
        "first_seen": unit.now,
        "last_seen": unit.now,
        "times": 1,
    }


def _safe(text: str) -> str:
    return without_secrets(clean_text(text))


def resolve_unseen(unit: Unit, source: int, scope: int | None, crawl: int) -> int:
    """After a complete crawl of a scope (None: of the source itself): what it did not meet again
    is resolved. Answers how many."""
    same_scope = _PROBLEM.c.scope.is_(None) if scope is None else _PROBLEM.c.scope == scope
    changed = unit.connection.execute(
        update(_PROBLEM)
        .where(
            _PROBLEM.c.source == source,
            same_scope,
            _PROBLEM.c.last_crawl != crawl,
            _PROBLEM.c.resolved_at.is_(None),
        )
        .values(resolved_at=unit.now)
    )
    return int(changed.rowcount)


def mute(unit: Unit, viewer: Viewer, problem_id: str, reason: str, until: int) -> None:
    """Mutes a problem up to a moment (microseconds, UTC), with the reason why.

    `BadInput` without a reason or with an end that is past, `NotFound`, `NotAllowed`.
    """
    viewer.require("mute")
    reason = clean_text(reason.strip())
    if not reason:
        raise BadInput("A problem is muted with a reason.", remedy="Say why it may be ignored.")
    if until <= unit.now:
        raise BadInput(
            f"{clock.to_text(until)} is past; a problem is muted up to a later date.",
            remedy="Give an end date in the future.",
        )
    _set_muted(unit, viewer, problem_id, until, reason)


def unmute(unit: Unit, viewer: Viewer, problem_id: str) -> None:
    """Ends the muting of a problem."""
    viewer.require("mute")
    _set_muted(unit, viewer, problem_id, None, None)


def _set_muted(
    unit: Unit, viewer: Viewer, problem_id: str, until: int | None, reason: str | None
) -> None:
    row = _by_id(unit, viewer, problem_id)
    by = None if until is None else viewer.actor
    unit.connection.execute(
        update(_PROBLEM)
        .where(_PROBLEM.c.key == row.key)
        .values(muted_until=until, muted_why=reason, muted_by=by)
    )
    unit.change(
        "unmuted" if until is None else "muted",
        subject_type="problem",
        subject=problem_id,
        asset=row.asset,
        before={"until": clock.to_text(row.muted_until), "reason": row.muted_why},
        after={"until": clock.to_text(until), "reason": reason},
    )


def _by_id(unit: Unit, viewer: Viewer, problem_id: str) -> Any:
    raw = id_bytes(problem_id)
    row = None
    if raw is not None:
        row = unit.connection.execute(
            select(_PROBLEM).where(_PROBLEM.c.uid == raw, problems_seen(viewer))
        ).first()
    if row is None:
        raise NotFound(
            f"There is no problem {problem_id}.", remedy="List the problems of the source."
        )
    return row
