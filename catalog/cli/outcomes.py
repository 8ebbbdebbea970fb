"""Crawls, holds, problems and sources for people, on standard output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from catalog.cli.context import out, say, table


def moment(at: int | None) -> str:
    """A time to the second, in UTC; empty for none."""
    from catalog.model import clock

    text = clock.to_text(at)
    return "" if text is None else text[:19] + "Z"


def table_of(found: Sequence[Any]) -> None:
    """How crawls ended."""
    rows = [
        [one.source, one.state, one.seen, one.new, one.changed, one.failed, one.why]
        for one in found
    ]
    table(None, ["source", "state", "seen", "new", "changed", "failed", "why"], rows)


def crawls(page: Any) -> None:
    """A page of crawls."""
    rows = [
        [
            one.id,
            one.source,
            one.state,
            moment(one.started_at or one.queued_at),
            *_sums(one.ledger),
            one.why,
        ]
        for one in page.items
    ]
    headers = ["id", "source", "state", "started", "seen", "new", "changed", "failed", "why"]
    table(None, headers, rows)
    _more(page)


def _sums(sums: Any) -> tuple[int | None, ...]:
    """Seen, new, changed, failed; unknown to who sees only some assets."""
    if sums is None:
        return (None,) * 4
    return sums.seen, sums.new, sums.changed, sums.failed


def detail(found: Any) -> None:
    """One crawl with its scopes."""
    crawl = found.crawl
    out(f"{crawl.source}: {crawl.state}" + (f". {crawl.why}" if crawl.why else ""))
    out(
        f"  queued {moment(crawl.queued_at)}, started {moment(crawl.started_at)}, "
        f"ended {moment(crawl.ended_at)}; {crawl.trigger}, {crawl.actor}"
    )
    for line in ledger(crawl.ledger):
        out(f"  {line}")
    out(f"  problems {found.problems:,}, holds {found.holds:,}")
    for sentence in found.adds_up:
        out(f"  {sentence}")
    rows = [
        [one.name, one.state, one.ledger.seen, one.ledger.new, one.ledger.changed, one.why]
        for one in found.scopes
    ]
    table(None, ["scope", "state", "seen", "new", "changed", "why"], rows)


def ledger(sums: Any) -> tuple[str, ...]:
    """Both sums, and what stands beside them; nothing for who may not know them."""
    if sums is None:
        return ()
    return (
        f"objects: {sums.listed:,} listed = {sums.used:,} used + {sums.filtered:,} filtered + "
        f"{sums.failed_objects:,} failed",
        f"assets: {sums.seen:,} seen = {sums.new:,} new + {sums.changed:,} changed + "
        f"{sums.unchanged:,} unchanged + {sums.failed:,} failed",
        f"renamed {sums.renamed:,}, restored {sums.restored:,}, removed {sums.removed:,}, "
        f"held {sums.held:,}",
    )


def preview(found: Any) -> None:
    """What a crawl would do."""
    out(f"{found.source}: a crawl would find")
    rows = [
        [one.name, one.state, one.had, one.new, one.changed, one.unchanged, one.renamed,
         one.failed, one.filtered, one.missing, one.held or one.why]
        for one in found.scopes
    ]  # fmt: skip
    headers = [
        "scope", "state", "had", "new", "changed", "same", "renamed",
        "failed", "filtered", "missing", "held or why",
    ]  # fmt: skip
    table(None, headers, rows)
    for scope in found.scopes:
        for outcome in ("new", "changed", "renamed", "restored", "missing", "failed"):
            for name in scope.examples.get(outcome, ()):
                out(f"  {outcome:<9} {name}")
            rest = getattr(scope, outcome) - len(scope.examples.get(outcome, ()))
            if rest > 0:
                out(f"  {outcome:<9} ... and {rest:,} more in {scope.name}")
    say("Nothing was written.")


def holds(page: Any) -> None:
    """A page of holds."""
    rows = [
        [one.id, one.source, one.scope, one.kind, one.name, moment(one.since),
         one.outcome or one.why]
        for one in page.items
    ]  # fmt: skip
    table(None, ["id", "source", "scope", "kind", "name", "missing since", "why"], rows)
    _more(page)


def problems(page: Any) -> None:
    """A page of problems, each with what to do."""
    from catalog.model import clock

    for one in page.items:
        state = ""
        if one.resolved_at is not None:
            state = f" [resolved {moment(one.resolved_at)}]"
        elif one.muted_until is not None and one.muted_until > clock.now():
            state = f" [muted until {moment(one.muted_until)}: {one.muted_why}]"
        out(f"{one.id}  {one.source}  {one.code}  {one.what}{state}")
        out(f"  {one.why}" + (f" ({one.hint})" if one.hint else ""))
        out(
            f"  since {moment(one.first_seen)}, last {moment(one.last_seen)}, in "
            f"{one.times:,} crawls"
        )
    say(f"{page.total:,} problems.")
    _more(page, count=False)


def _more(page: Any, *, count: bool = True) -> None:
    if count:
        say(f"{page.total:,} found, {len(page.items):,} shown.")
    if page.next is not None:
        say(f"More: --after {page.next}")


def sources(found: Sequence[Any]) -> None:
    """A list of sources."""
    rows = []
    for one in found:
        last = one.last_crawl
        state = "" if last is None else f"{last.state} {moment(last.ended_at or last.started_at)}"
        due = moment(one.next_runs[0]) if one.next_runs else ""
        rows.append([one.name, one.kind, one.state, state, due, one.title or one.environment])
    table(None, ["name", "kind", "state", "last crawl", "next", ""], rows)


def source(view: Any) -> None:
    """A source whole."""
    out(f"{view.name}: {view.kind} source, {view.state}")
    settings = {
        "title": view.title,
        "environment": view.environment,
        "namespaces": ", ".join(view.namespaces or ()),
        "rank": view.rank,
        "brake": f"{view.brake_percent} % and {view.brake_assets} assets",
        "schedule": schedule_text(view.schedule),
        "next runs": ", ".join(moment(run) for run in view.next_runs or ()),
        "added": moment(view.created_at),
        "id": view.id,
    }
    for name, value in settings.items():
        if value not in (None, ""):
            out(f"  {name:<12} {value}")
    for name, value in (view.config or {}).items():
        out(f"  {name} = {value}")
    if view.last_crawl is not None:
        last = view.last_crawl
        out(f"  last crawl {last.id}: {last.state} {moment(last.ended_at)}")
        for line in ledger(last.ledger):
            out(f"    {line}")


def schedule_text(schedule: Any) -> str | None:
    """A schedule in words; None without one."""
    if not schedule:
        return None
    if schedule.get("every"):
        return f"every {schedule['every']}"
    return f"{schedule.get('cron')} ({schedule.get('zone', 'UTC')})"


def selection(found: Any) -> None:
    """What patterns select and leave out."""
    rows = [[one.kind, one.name, one.filtered_by and f"left out: {one.filtered_by}"]
            for one in found.items]  # fmt: skip
    table(None, ["kind", "name", ""], rows)
    kept = sum(1 for one in found.items if one.filtered_by is None)
    more = "" if found.complete else " There are more; raise --limit."
    say(f"{kept:,} selected, {len(found.items) - kept:,} left out.{more}")


def kinds(found: Sequence[Any]) -> None:
    """A list of kinds."""
    table(None, ["kind", "title", ""], [[one.kind, one.title, one.problem] for one in found])


def users(found: Sequence[Any]) -> None:
    """A list of users."""
    rows = [
        [one.login, one.role, one.name, one.email, "disabled" if one.disabled else "",
         "password" if one.has_password else "link only"]
        for one in found
    ]  # fmt: skip
    table(None, ["login", "role", "name", "e-mail", "", "signs in by"], rows)


def tokens(found: Sequence[Any]) -> None:
    """A list of tokens."""
    rows = [
        [one.id, one.name, one.hint, one.user or "service", one.role, " ".join(one.scopes),
         moment(one.expires_at), moment(one.last_used_at), _token_state(one)]
        for one in found
    ]  # fmt: skip
    headers = ["id", "name", "begins", "of", "role", "scopes", "expires", "last used", ""]
    table(None, headers, rows)


def _token_state(one: Any) -> str:
    from catalog.model import clock

    if one.revoked_at is not None:
        return "revoked"
    expired = one.expires_at is not None and one.expires_at <= clock.now()
    return "expired" if expired else ""
