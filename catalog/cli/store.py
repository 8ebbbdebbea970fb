"""``db``, ``backup``, ``restore``, ``reindex``, ``doctor``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from catalog.cli.context import (
    DONE,
    FAILED,
    HomeOption,
    JsonFlag,
    chosen_settings,
    emit,
    opened,
    say,
)

db = typer.Typer(help="The metadata store's schema.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(db, name="db")
    app.command("backup")(backup)
    app.command("restore")(restore)
    app.command("reindex")(reindex)
    app.command("doctor")(doctor)


@db.command("upgrade")
def upgrade(home: HomeOption = None, as_json: JsonFlag = False) -> int:
    """Make an empty store, or upgrade an old one after a backup copy."""
    from catalog import wiring
    from catalog.history import migrate
    from catalog.usecases.upgrade import upgrade as work

    chosen = chosen_settings(home)
    store = wiring.open_store(chosen)
    try:
        before, copy = work(store, chosen)
    finally:
        store.close()
    if as_json:
        emit({"before": before, "now": migrate.head(), "backup": copy and str(copy)})
    elif before == migrate.head():
        say(f"The store has schema {before} already.")
    else:
        say(f"The store has schema {migrate.head()} now.")
        if copy is not None:
            say(f"The copy from before is {copy}.")
    return DONE


@db.command("current")
def current(home: HomeOption = None, as_json: JsonFlag = False) -> int:
    """Say which schema the store has and which this version needs."""
    from catalog import wiring
    from catalog.history import migrate

    store = wiring.open_store(chosen_settings(home))
    try:
        have = migrate.current(store)
    finally:
        store.close()
    if as_json:
        emit({"store": have, "needed": migrate.head()})
    else:
        say(f"The store has schema {have or 'none'}, this version needs {migrate.head()}.")
    return DONE if have == migrate.head() else FAILED


def backup(
    target: Annotated[Path, typer.Argument(help="File to write; it must not exist yet.")],
    with_keys: Annotated[
        bool, typer.Option("--with-keys", help="Also FILE.keys, the keys of stored secrets.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> int:
    """Write the whole store into one file, while people go on."""
    from catalog.usecases.backup import backup as work

    with opened(home) as open_:
        made = work(open_.catalog.store, open_.catalog.settings, target, with_keys=with_keys)
    if as_json:
        emit({"file": str(made), "bytes": made.stat().st_size})
    else:
        say(f"Wrote {made} ({made.stat().st_size:,} bytes).")
    return DONE


def restore(
    source: Annotated[Path, typer.Argument(help="A file made by catalog backup.")],
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> int:
    """Replace the store by a backup; the index is built anew."""
    from catalog import wiring
    from catalog.usecases.backup import restore as work
    from catalog.usecases.upgrade import upgrade as bring_up

    chosen = chosen_settings(home)
    store = wiring.open_store(chosen)
    try:
        work(store, chosen, source)
        bring_up(store, chosen)
    finally:
        store.close()
    with opened(home, follow=True):
        pass
    if as_json:
        emit({"restored": str(source)})
    else:
        say(f"Restored {source}.")
    return DONE


def reindex(home: HomeOption = None, as_json: JsonFlag = False) -> int:
    """Build the search index anew; the old one answers meanwhile."""
    from catalog.errors import Conflict
    from catalog.jobs.leases import INDEX_WRITER
    from catalog.search.follower import Follower

    with opened(home) as open_:
        lease = open_.catalog.leases.try_acquire(INDEX_WRITER)
        if lease is None:
            raise Conflict("Another process is writing the index.", remedy="Wait until it is done.")
        try:
            follower = Follower(open_.catalog.store, open_.catalog.engine)
            count = follower.rebuild()
            follower.catch_up()
        finally:
            lease.release()
    if as_json:
        emit({"documents": count})
    else:
        say(f"Indexed {count:,} documents.")
    return DONE


def doctor(home: HomeOption = None, as_json: JsonFlag = False) -> int:
    """Compare the store with itself and with its index; find stuck crawls."""
    from catalog.usecases.doctor import examine

    with opened(home, follow=False) as open_:
        open_.catalog.catch_up()
        report = examine(open_.catalog.store, open_.catalog.engine, open_.catalog.leases.alive)
    if as_json:
        emit({"healthy": report.healthy, "checks": report.checks, "findings": report.findings})
    else:
        for finding in report.findings:
            say(f"{finding.check}: {finding.message} ({finding.count:,})")
            say(f"  e.g. {', '.join(finding.examples[:3])}")
            say(f"  {finding.remedy}")
        if report.healthy:
            say(f"Healthy: {', '.join(report.checks)}.")
    return DONE if report.healthy else FAILED
