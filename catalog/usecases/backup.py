"""Backup and restore of the store. Keys are not in a backup unless asked for."""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
import subprocess
from contextlib import closing
from glob import escape
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from sqlalchemy import text

from catalog.errors import BadInput, Conflict, StoreError
from catalog.history import migrate, points
from catalog.history.store import Store
from catalog.jobs.followers import Follower
from catalog.jobs.leases import SERVE, Leases
from catalog.settings import Settings
from catalog.usecases.statements import FOLLOWER

_PAGES = 2048  # pages of one step of the online backup, so that writers get their turn


def backup(store: Store, settings: Settings, target: Path, *, with_keys: bool = False) -> Path:
    """Writes the whole store into a file that is complete or not there at all.

    SQLite: an online copy, people may go on. PostgreSQL: ``pg_dump``, custom format.
    ``with_keys``: also ``TARGET.keys``, the keys of stored secrets (mode 0600).
    """
    target = target.absolute()
    if target.exists():
        raise BadInput(f"{target} exists already.", remedy="Choose a new file name.")
    if not target.parent.is_dir():
        raise BadInput(f"There is no folder {target.parent}.", remedy="Make it first.")
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    _clear_abandoned(target)
    try:
        if store.is_sqlite:
            _copy_sqlite(settings.home / "catalog.db", part)
        else:
            _dump_postgres(store, part)
        points.at("backup")
        os.chmod(part, 0o600)
        _sync(part)
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    if with_keys:
        _copy_keys(settings, target)
    return target


def _clear_abandoned(target: Path) -> None:
    """What a killed backup to the same file has left behind."""
    for left in target.parent.glob(f".{escape(target.name)}.*.part"):
        owner = left.name.split(".")[-2]
        if owner.isdigit() and not _lives(int(owner)):
            left.unlink(missing_ok=True)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _copy_sqlite(source: Path, target: Path) -> None:
    with (
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as read,
        closing(sqlite3.connect(target)) as write,
    ):
        read.backup(write, pages=_PAGES, sleep=0.005)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _copy_keys(settings: Settings, target: Path) -> None:
    keys = settings.home / "keys"
    if not keys.is_file():
        raise BadInput(
            f"There is no key file {keys}.",
            remedy="The keys come from CATALOG_SECRET_KEYS, or no secret was stored yet.",
        )
    copy = target.with_name(target.name + ".keys")
    with open(os.open(copy, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "wb") as file:
        file.write(keys.read_bytes())


def restore(store: Store, settings: Settings, source: Path) -> None:
    """Replaces the store by a backup and gives it a new epoch, so that followers notice.

    `Conflict` while a server runs on it. What was there before is kept beside it (SQLite:
    ``catalog.db.before-restore``).
    """
    source = source.absolute()
    if not source.is_file():
        raise BadInput(f"There is no file {source}.", remedy="Give a file made by catalog backup.")
    lease = Leases(store, settings.home).try_acquire(SERVE)
    if lease is None:
        raise Conflict(
            "A server is running on this store.", remedy="End it, then restore, then start it."
        )
    try:
        if store.is_sqlite:
            _restore_sqlite(store, settings, source)
        else:
            _restore_postgres(store, source)
        new_epoch(store)
        # What was parsed lies in the store itself, so this follower goes on from its own row.
        Follower(store, FOLLOWER).accept()
    finally:
        lease.release()


def new_epoch(store: Store) -> None:
    """Marks the store as another one than its index and followers have seen."""
    with store.engine.begin() as connection:
        connection.execute(
            text("UPDATE meta SET value = :epoch WHERE name = 'epoch'"),
            {"epoch": secrets.token_hex(8)},
        )


def _restore_sqlite(store: Store, settings: Settings, source: Path) -> None:
    """Copies the backup into the store's own file, in one transaction.

    The file stays the same one, so a command that has it open goes on with what was restored,
    and a kill in the middle leaves the store as it was.
    """
    _check_backup(source)
    database = settings.home / "catalog.db"
    store.close()
    if database.exists():
        kept = database.with_name("catalog.db.before-restore")
        part = kept.with_name(f".{kept.name}.{os.getpid()}.part")
        try:
            _copy_sqlite(database, part)
            _sync(part)
            os.replace(part, kept)
        finally:
            part.unlink(missing_ok=True)
    with (
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as read,
        closing(sqlite3.connect(database, timeout=30)) as write,
    ):
        read.backup(write, pages=-1)


def _check_backup(source: Path) -> None:
    try:
        with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as connection:
            found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                raise BadInput(f"The backup {source} is damaged.", remedy="Take another one.")
    except sqlite3.DatabaseError as error:
        raise BadInput(
            f"{source} is no backup of a catalog: {error}.",
            remedy="Give a file made by catalog backup.",
        ) from error
    if found is None or found[0] not in migrate.revisions():
        raise BadInput(
            f"The backup {source} has schema {found and found[0]}, which this version of the "
            "catalog does not know.",
            remedy="Restore it with the version that made it, or a newer one.",
        )


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise StoreError(
            f"The program {name} is needed for a store on PostgreSQL, and it is not on the PATH.",
            remedy="Install PostgreSQL's client programs (Debian: apt-get install "
            "postgresql-client), at least as new as the server.",
        )
    return found


def _connection_environment(store: Store) -> dict[str, str]:
    """How libpq's programs reach the store; the password never stands on a command line."""
    parts = urlsplit(store.url)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    values = {
        "PGHOST": query.get("host") or parts.hostname,
        "PGPORT": query.get("port") or (str(parts.port) if parts.port else None),
        "PGUSER": query.get("user") or (unquote(parts.username) if parts.username else None),
        "PGPASSWORD": query.get("password")
        or (unquote(parts.password) if parts.password else None),
        "PGDATABASE": unquote(parts.path.lstrip("/")) or query.get("dbname"),
        "PGSSLMODE": query.get("sslmode"),
    }
    return {**os.environ, **{name: value for name, value in values.items() if value}}


def _dump_postgres(store: Store, target: Path) -> None:
    _run(store, [_program("pg_dump"), "--format=custom", f"--file={target}"])


def _restore_postgres(store: Store, source: Path) -> None:
    program = _program("pg_restore")
    store.close()
    database = _connection_environment(store).get("PGDATABASE", "")
    _run(
        store,
        [
            program,
            "--clean",
            "--if-exists",
            "--no-owner",
            "--single-transaction",
            f"--dbname={database}",
            str(source),
        ],
    )


def _run(store: Store, command: list[str]) -> None:
    done = subprocess.run(
        command,
        env=_connection_environment(store),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        raise StoreError(
            f"{Path(command[0]).name} ended with {done.returncode}: {done.stderr.strip()[:1000]}",
            remedy="Check that the program is at least as new as the server.",
        )
