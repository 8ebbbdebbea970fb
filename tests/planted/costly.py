"""Faults that leave every answer right and cost too much: each misses bars of the benchmarks."""

from __future__ import annotations

from typing import Final, NamedTuple

from tests.planted.patching import Patch

HOME: Final = "5000"
"""Assets in the store that servers are measured on."""


class Costly(NamedTuple):
    """What is broken, where, the benchmark that must notice, and the figures that show it.

    ``run``: benchmark and its arguments: the smallest size at which the sound product clearly
    holds the bars and this one clearly misses them. ``missed``: patterns of the figures' names.
    """

    name: str
    patches: tuple[Patch, ...]
    run: tuple[str, ...]
    missed: tuple[str, ...]


_INGEST: Final = ("ingest", "3000", "0")
_SERVED: Final = ("start", HOME, "0")
_CRAWLED: Final = ("during_crawl", HOME, "4", "30000")

FAULTS: Final = (
    Costly(
        "one asset a transaction",
        (
            Patch(
                "catalog.ingest.scope:ScopeIngest.__init__",
                "self._size = WRITE_CHUNK",
                "self._size = 1",
            ),
            Patch(
                "catalog.ingest.scope:ScopeIngest._flush",
                "self._size = min(WRITE_CHUNK, self._size * 2)",
                "self._size = 1",
            ),
        ),
        _INGEST,
        ("ingest: share of the baseline",),
    ),
    Costly(
        "one statement a row",
        (
            Patch(
                "catalog.history.dialect:bulk_insert",
                "connection.exec_driver_sql(statement, rows)",
                "for row in rows:\n        connection.exec_driver_sql(statement, row)",
            ),
        ),
        _INGEST,
        ("ingest: share of the baseline",),
    ),
    Costly(
        "the crawl keeps every column",
        (
            Patch(
                "catalog.ingest.columns:new_rows",
                "    return [",
                "    import msgspec\n"
                "    from catalog.model import Column\n"
                "    globals().setdefault('kept', []).extend(\n"
                "        Column(asset=asset, number=number, **msgspec.structs.asdict(column))\n"
                "        for number, column in enumerate(record.columns or (), 1))\n"
                "    return [",
            ),
        ),
        ("ingest", "20000", "0"),
        ("ingest: peak memory beyond the records",),
    ),
    Costly(
        "a redundant index",
        (
            Patch(
                "catalog.history.setup:create_all",
                "seed_meta(connection)",
                "seed_meta(connection)\n"
                "        connection.exec_driver_sql(\n"
                "            'CREATE INDEX redundant ON \"column\" (path, comment, type, asset)')",
            ),
        ),
        _INGEST,
        ("ingest: store against the baseline's file",),
    ),
    Costly(
        "documents are kept as they are",
        (
            Patch(
                "catalog.history.unit:pack",
                "return zlib.compress(raw, 1)",
                "return zlib.compress(raw, 0)",
            ),
        ),
        _INGEST,
        ("ingest: store against the baseline's file",),
    ),
    Costly(
        "hashes are not compared",
        (
            Patch(
                "catalog.ingest.comparing:_is_as_it_was",
                "row.hash == item.hash",
                "row.hash is None",
            ),
        ),
        _INGEST,
        ("ingest: the same again", "ingest: written by the same again"),
    ),
    Costly(
        "a row count is a change of the table",
        (
            Patch(
                "catalog.crawling.records:canonical",
                "if record.measures or record.partitions is not None:",
                "if False:",
            ),
        ),
        ("year", "300", "60"),
        ("year: store after * crawls",),
    ),
    Costly(
        "one query a column",
        (
            Patch(
                "catalog.assets.gather:gather",
                "    parameters = {",
                "    for one in columns:\n"
                "        connection.execute(\n"
                "            select(_FACT).where(\n"
                "                _FACT.c.asset == asset, _FACT.c.column == one.number)).all()\n"
                "    parameters = {",
            ),
        ),
        ("by_name", HOME, "4"),
        (
            "by-name: * assets, 8 connections",
            "by-name: * assets, 8 connections, p95",
            "by-name: queries, authentication included",
        ),
    ),
    Costly(
        "each open crawl page for itself",
        (
            Patch(
                "catalog.pages.crawls:Fragments.of",
                "if kept is not None and (now - kept[0] < self._seconds or key in self._made):",
                "if kept is not None and False:",
            ),
            Patch(
                "catalog.api.v1.events:CrawlEvents._look",
                "if time.monotonic() - kept.at >= self.poll / 2:",
                "if True:",
            ),
        ),
        ("crawl_pages", HOME, "6"),
        ("by-name beside * open crawl pages: slower",),
    ),
    Costly(
        "10,000 assets a transaction",
        (
            Patch(
                "catalog.ingest.scope:ScopeIngest.__init__",
                "self._size = WRITE_CHUNK",
                "self._size = 10_000",
            ),
            Patch(
                "catalog.ingest.scope:ScopeIngest._flush", "if spent > WRITE_SECONDS:", "if False:"
            ),
        ),
        _CRAWLED,
        ("during a crawl: a person's edit p95",),
    ),
    Costly(
        "who reads takes the writer's lock",
        (
            Patch(
                "catalog.history.dialect:_sqlite_begin",
                'if connection.get_execution_options().get("begin") == "IMMEDIATE":',
                "if True:",
            ),
        ),
        _CRAWLED,
        ("during a crawl: by-name p95 *", "during a crawl: search p95 *"),
    ),
    Costly(
        "heavy imports are not lazy",
        (
            Patch(
                "catalog.app:create_app",
                "app = FastAPI(",
                "import importlib\n"
                "    import pkgutil\n"
                "    import duckdb\n"
                "    import pyarrow.dataset\n"
                "    import pyarrow.parquet\n"
                "    import sqlglot.dialects\n"
                "    import sqlglot.optimizer.qualify\n"
                "    for one in pkgutil.iter_modules(sqlglot.dialects.__path__):\n"
                "        importlib.import_module(f'sqlglot.dialects.{one.name}')\n"
                "    duckdb.sql('SELECT 1').fetchall()\n"
                "    app = FastAPI(",
            ),
        ),
        _SERVED,
        ("start: memory, *",),
    ),
    Costly(
        "nothing is compiled beforehand",
        (
            Patch(
                "catalog.app:create_app",
                "app = FastAPI(",
                "import inspect\n"
                "    import sys\n"
                "    for module in list(sys.modules.values()):\n"
                "        try:\n"
                "            compile(inspect.getsource(module), 'module', 'exec')\n"
                "        except (OSError, TypeError):\n"
                "            pass\n"
                "    app = FastAPI(",
            ),
        ),
        _SERVED,
        ("start: first answer, *",),
    ),
    Costly(
        "replies are never forgotten",
        (
            Patch(
                "catalog.serving.call:reply",
                "found = Response(",
                "log.__dict__.setdefault('kept', []).append(content)\n    found = Response(",
            ),
        ),
        ("start", HOME, "4000"),
        ("start: growth after * requests",),
    ),
    Costly(
        "doctor asks for one asset at a time",
        (
            Patch(
                "catalog.search.consistency:differences",
                "indexed_keys(session, after, BATCH)",
                "indexed_keys(session, after, 1)",
            ),
        ),
        ("doctor", HOME),
        ("doctor: *",),
    ),
    Costly(
        "facets are counted by loading documents",
        (
            Patch(
                "catalog.search.whoosh_read:_count_values",
                "    if not bits:",
                "    for number in range(segment.size):\n"
                "        segment.payload(number)\n"
                "    if not bits:",
            ),
        ),
        ("search", HOME),
        ("search: * assets with facets, p95",),
    ),
)


def fault(name: str) -> Costly:
    """The fault of this name."""
    for one in FAULTS:
        if one.name == name:
            return one
    raise LookupError(f"There is no fault {name!r}; there are: {', '.join(o.name for o in FAULTS)}")


def plant(name: str) -> None:
    """Puts a fault into this process, for as long as it lives."""
    for patch in fault(name).patches:
        patch.put()
