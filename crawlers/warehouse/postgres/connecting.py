"""Connections to PostgreSQL: config, URLs, snapshots, and errors that say what to do."""

from __future__ import annotations

import codecs
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

import pydantic

from catalog.crawling import CrawlerConfig, errors, naming
from crawlers.warehouse.postgres import queries

if TYPE_CHECKING:
    import psycopg

OLDEST_VERSION = 120000
DEFAULT_PORT = 5432
_INSTALL = 'pip install "psycopg[binary]"'
_STATEMENT_TIMEOUT = "10min"


class PostgresConfig(CrawlerConfig):
    """Where the server is, who asks, and which databases are read."""

    host: str = pydantic.Field(
        default="localhost",
        description="Host name, address, or the folder of a Unix socket.",
        examples=["db.example.com"],
    )
    port: int = pydantic.Field(default=DEFAULT_PORT, ge=1, le=65535, description="TCP port.")
    database: str = pydantic.Field(
        default="postgres", min_length=1, description="Database to connect to.", examples=["shop"]
    )
    user: str | None = pydantic.Field(
        default=None, description="Role to log in as; it needs USAGE on the schemas, no more."
    )
    password: pydantic.SecretStr | None = pydantic.Field(
        default=None, description="The role's password; without one, libpq's own ways are used."
    )
    sslmode: Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] = (
        pydantic.Field(default="prefer", description="libpq's sslmode.")
    )
    databases: list[str] = pydantic.Field(
        default_factory=list,
        description="Databases to crawl, as globs over their names (* for all that the role may "
        "connect to). Empty: the one to connect to.",
        examples=[["shop", "dwh_*"]],
    )
    namespace: str | None = pydantic.Field(
        default=None,
        description="Namespace to report under, when others know the server by another name.",
        examples=["postgres://db.example.com:5432"],
    )
    connect_timeout: int = pydantic.Field(
        default=10, ge=2, le=300, description="Seconds to wait for a connection."
    )
    lock_wait: float = pydantic.Field(
        default=10.0, gt=0, le=600, description="Seconds to wait for a lock on a table or view."
    )

    def named(self) -> str:
        """The namespace: ``postgres://host:port``; sockets are ``localhost``."""
        if self.namespace:
            return naming.normalize_namespace(self.namespace)
        host = self.host.lower()
        if not host or host.startswith(("/", "@")):
            host = "localhost"
        if ":" in host:
            host = f"[{host}]"
        return f"postgres://{host}:{self.port}"


_URL_PARAMETERS = ("sslmode", "user", "password", "port", "host")


def config_of_url(url: str) -> dict[str, Any] | None:
    """``postgresql://user:pw@host:5432/db?sslmode=require`` as a config; None if it is none."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme.split("+", 1)[0] not in ("postgres", "postgresql"):
        return None
    found: dict[str, Any] = {
        "host": parts.hostname,
        "port": port,
        "user": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password) if parts.password else None,
        "database": unquote(parts.path.lstrip("/")),
    }
    query = parse_qs(parts.query)
    for name in _URL_PARAMETERS:
        if name in query:
            found[name] = int(query[name][-1]) if name == "port" else query[name][-1]
    if "dbname" in query:
        found["database"] = query["dbname"][-1]
    found["database"] = found["database"] or found["user"]  # as libpq does
    return {name: value for name, value in found.items() if value not in (None, "")}


class Session:
    """One read-only, repeatable-read transaction on one database: one snapshot.

    ``read``: names of the scopes that were read in it; a scope read twice wants a newer one.
    """

    def __init__(self, config: PostgresConfig, database: str) -> None:
        self.database = database
        self.read: set[str] = set()
        self.busy = False
        self.began = time.monotonic()
        self._connection = _connect(config, database)
        try:
            timeouts = {
                "lock": f"{int(config.lock_wait * 1000)}ms",
                "statement": _STATEMENT_TIMEOUT,
            }
            self.version: int = self.row(queries.SESSION, timeouts)[3]
            if self.version < OLDEST_VERSION:
                raise errors.Unreadable(
                    f"{config.named()} is PostgreSQL {self.version // 10000}.",
                    remedy="PostgreSQL 12 or newer is needed.",
                )
        except BaseException:
            self.close()
            raise

    def rows(self, query: str, parameters: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """All rows of a statement."""
        with translated(self.database), self._connection.cursor() as cursor:
            return cursor.execute(query.encode(), parameters or {}).fetchall()

    def row(self, query: str, parameters: dict[str, Any] | None = None) -> tuple[Any, ...]:
        """The only row of a statement."""
        return self.rows(query, parameters)[0]

    def stream(self, query: str, parameters: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
        """Rows as they arrive: one statement, however many rows."""
        with translated(self.database), self._connection.cursor() as cursor:
            yield from cursor.stream(query.encode(), parameters, size=_chunk())

    def close(self) -> None:
        """Ends the transaction and the connection."""
        with suppress(Exception):
            self._connection.close()


def _chunk() -> int:
    """Rows per answer; several at once need libpq 17."""
    from psycopg import capabilities

    return 200 if capabilities.has_stream_chunked() else 1


def _connect(config: PostgresConfig, database: str) -> psycopg.Connection[tuple[Any, ...]]:
    try:
        import psycopg
    except ImportError as error:
        raise errors.MissingDriver(
            f"PostgreSQL's driver cannot be imported: {error}.", remedy=f"Install it: {_INSTALL}"
        ) from error
    password = config.password.get_secret_value() if config.password else None
    try:
        connection = psycopg.connect(
            host=config.host,
            port=config.port,
            dbname=database,
            user=config.user,
            password=password,
            sslmode=config.sslmode,
            connect_timeout=config.connect_timeout,
            application_name="catalog",
            client_encoding="UTF8",
            prepare_threshold=None,  # poolers between us and the server do not know our statements
        )
    except psycopg.Error as error:
        raise _refused(config, database, error) from error
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    _lenient(connection)
    return connection


def _lenient(connection: psycopg.Connection[Any]) -> None:
    """Databases in SQL_ASCII hold names that are not UTF-8; they must not stop the others.

    Such bytes become visible escapes (``caf\\xe9``); in JSON the backslash is escaped once more.
    JSON stays text: it is decoded to the shape it must have.
    """
    from psycopg.adapt import Loader

    if connection.info.parameter_status("server_encoding") == "SQL_ASCII":
        connection.autocommit = True
        connection.execute("SET client_encoding = 'SQL_ASCII'")
        connection.autocommit = False

    class Text(Loader):
        def load(self, data: Any) -> str:
            return bytes(data).decode("utf-8", "backslashreplace")

    class Json(Loader):
        def load(self, data: Any) -> str:
            return bytes(data).decode("utf-8", _JSON_ESCAPES)

    for name in ("text", "name", "varchar"):
        connection.adapters.register_loader(name, Text)
    connection.adapters.register_loader("json", Json)


_JSON_ESCAPES = "catalog-json-escapes"


def _json_escapes(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    raw = error.object[error.start : error.end]
    return "".join(f"\\\\x{byte:02x}" for byte in raw), error.end


codecs.register_error(_JSON_ESCAPES, _json_escapes)


def _refused(config: PostgresConfig, database: str, error: Exception) -> errors.SourceError:
    """Why there is no connection. libpq gives no code for it, only the server's words."""
    text = " ".join(str(error).split())
    if config.password and (secret := config.password.get_secret_value()):
        text = text.replace(secret, "***")
    where = f"{config.named()}, database {database!r}, user {config.user or 'of the system'!r}"
    if "does not exist" in text and "database" in text and "role" not in text:
        return errors.Unreachable(f"{where}: {text}.", remedy="Check the name of the database.")
    pgconn = getattr(error, "pgconn", None)
    asked = pgconn is not None and (pgconn.needs_password or pgconn.used_password)
    if asked or any(word in text for word in ("authentication", "pg_hba", "permission", "role ")):
        return errors.Denied(
            f"{where}: {text}.", remedy="Check user and password, and the server's pg_hba.conf."
        )
    return errors.Unreachable(
        f"{where}: {text}.", remedy="Check host, port, network, and that the server runs."
    )


@contextmanager
def translated(database: str) -> Iterator[None]:
    """psycopg's errors as `SourceError`s."""
    import psycopg

    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        raise errors.Denied(
            f"Database {database!r}: {_line(error)}.", remedy="Grant the role what it lacks."
        ) from error
    except (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled) as error:
        raise errors.Unreadable(
            f"Database {database!r} was too busy: {_line(error)}.",
            remedy="Crawl at another time, or raise lock_wait.",
        ) from error
    except (psycopg.errors.InternalError_, psycopg.errors.UndefinedTable) as error:
        raise errors.Unreadable(
            f"Database {database!r} changed while it was read: {_line(error)}.",
            remedy="Crawl it again.",
        ) from error
    except psycopg.OperationalError as error:
        raise errors.Unreachable(
            f"Database {database!r} ended the connection: {_line(error)}.",
            remedy="Check that the server runs, and crawl again.",
        ) from error
    except psycopg.Error as error:
        raise errors.Unreadable(
            f"Database {database!r} answered with an error: {_line(error)}.",
            remedy="Check that the role may read pg_catalog.",
        ) from error


def _line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
