"""The baseline of ingest: Core inserts into a fixed schema, and nothing else.

Asset with integer key, unique 16-byte key, 8 values; column with key (asset, number), 8 values,
WITHOUT ROWID; no other index; 1,000 assets a transaction; WAL, NORMAL.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, Text, create_engine, event

from catalog.crawling import records

_VALUES = [f"v{i}" for i in range(8)]


def _schema() -> tuple[MetaData, Table, Table]:
    metadata = MetaData()
    asset = Table(
        "asset",
        metadata,
        Column("key", Integer, primary_key=True),
        Column("name_key", LargeBinary, unique=True),
        *[Column(name, Text) for name in _VALUES],
    )
    column = Table(
        "column",
        metadata,
        Column("asset", Integer, primary_key=True),
        Column("number", Integer, primary_key=True),
        *[Column(name, Text) for name in _VALUES],
        sqlite_with_rowid=False,
    )
    return metadata, asset, column


def _rows(items: list[records.Record]) -> tuple[list[dict[str, Any]], list[list[dict[str, Any]]]]:
    assets: list[dict[str, Any]] = []
    columns: list[list[dict[str, Any]]] = []
    for key, item in enumerate(items, 1):
        assert isinstance(item, records.Asset)
        values = [item.namespace, item.name, item.kind, item.asset_class, item.parent, "", "", ""]
        assets.append(
            {
                "key": key,
                "name_key": records.digest(item.name.encode()),
                **dict(zip(_VALUES, values, strict=True)),
            }
        )
        columns.append(
            [
                {
                    "asset": key,
                    "number": number,
                    **dict(
                        zip(
                            _VALUES,
                            [c.path, str(number), c.type, c.native_type, "1", None, c.comment, ""],
                            strict=True,
                        )
                    ),
                }
                for number, c in enumerate(item.columns or (), 1)
            ]
        )
    return assets, columns


def run(folder: Path, items: list[records.Record]) -> tuple[float, int]:
    """(seconds, bytes of the file) of inserting the records; rows are made before the clock."""
    metadata, asset, column = _schema()
    path = folder / "baseline.db"
    engine = create_engine(f"sqlite:///{path}")

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")

    metadata.create_all(engine)
    assets, columns = _rows(items)
    began = time.perf_counter()
    for offset in range(0, len(assets), 1000):
        with engine.begin() as connection:
            connection.execute(asset.insert(), assets[offset : offset + 1000])
            cells = [row for part in columns[offset : offset + 1000] for row in part]
            if cells:
                connection.execute(column.insert(), cells)
    seconds = time.perf_counter() - began
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return seconds, path.stat().st_size
