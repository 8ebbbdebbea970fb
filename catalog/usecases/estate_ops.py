"""The demo estate's operational database: SQLite, keys and views, deterministic content."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from catalog.usecases.estate_lake import rows_of

_SCHEMA = """
CREATE TABLE airlines (
    carrier TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);
CREATE TABLE airports (
    faa TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    lat REAL NOT NULL,
    lon REAL NOT NULL,
    alt INTEGER,
    tzone TEXT
);
CREATE TABLE planes (
    tailnum TEXT PRIMARY KEY,
    year INTEGER,
    type TEXT NOT NULL,
    manufacturer TEXT NOT NULL,
    model TEXT NOT NULL,
    seats INTEGER NOT NULL CHECK (seats > 0)
);
CREATE TABLE aircraft_maintenance (
    id INTEGER PRIMARY KEY,
    tailnum TEXT NOT NULL REFERENCES planes (tailnum),
    airport TEXT NOT NULL REFERENCES airports (faa),
    performed_on TEXT NOT NULL,
    kind TEXT NOT NULL DEFAULT 'A-check',
    hours REAL NOT NULL,
    UNIQUE (tailnum, performed_on)
);
CREATE INDEX aircraft_maintenance_by_day ON aircraft_maintenance (performed_on);
CREATE VIEW fleet AS
SELECT manufacturer, model, count(*) AS planes, sum(seats) AS seats
FROM planes
GROUP BY manufacturer, model;
CREATE VIEW last_maintenance AS
SELECT p.tailnum, p.model, max(m.performed_on) AS last_performed_on, sum(m.hours) AS hours
FROM planes AS p
LEFT JOIN aircraft_maintenance AS m ON m.tailnum = p.tailnum
GROUP BY p.tailnum, p.model;
"""
_HOMES = ("EWR", "JFK", "LGA")
_CHECKS = (("A-check", 10.0), ("B-check", 48.0), ("C-check", 240.0))


def build_ops(path: Path, files: Mapping[str, Path]) -> None:
    """Writes the database file ``path``, which must not exist."""
    planes = list(rows_of(files["planes.csv"]))
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(_SCHEMA)
        connection.executemany(
            "INSERT INTO airlines VALUES (:carrier, :name)", rows_of(files["airlines.csv"])
        )
        connection.executemany(
            "INSERT INTO airports VALUES (:faa, :name, :lat, :lon, :alt, :tzone)",
            rows_of(files["airports.csv"]),
        )
        connection.executemany(
            "INSERT INTO planes VALUES (:tailnum, :year, :type, :manufacturer, :model, :seats)",
            planes,
        )
        connection.executemany(
            "INSERT INTO aircraft_maintenance (tailnum, airport, performed_on, kind, hours) "
            "VALUES (?, ?, ?, ?, ?)",
            (visit for plane in planes for visit in _visits(plane["tailnum"])),
        )
        connection.commit()


def _visits(tailnum: str) -> Iterator[tuple[Any, ...]]:
    """One to three visits of 2013, told by a checksum of the tail number."""
    seed = zlib.crc32(tailnum.encode())
    for visit in range(1 + seed % 3):
        month = 1 + 4 * visit + (seed >> 4) % 4
        day = 1 + (seed >> 8) % 28
        kind, hours = _CHECKS[(seed >> (12 + visit)) % 3]
        extra = (seed >> (16 + visit)) % 16 / 2
        airport = _HOMES[(seed >> 20) % 3]
        yield tailnum, airport, f"2013-{month:02d}-{day:02d}", kind, hours + extra
