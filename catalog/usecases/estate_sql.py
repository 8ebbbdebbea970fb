"""The SQL that builds the demo estate's warehouse, as one would find it in a repository.

DuckDB keeps the text of views, but not of tables made by ``CREATE TABLE AS``: their statements
are pushed as records beside the crawl, like any tool that runs SQL would report them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Step:
    """One statement. ``defines``: the dotted name of the table or view that it makes.

    ``kept``: the database keeps the text itself (views), so that a crawl reports it.
    """

    text: str
    defines: str | None = None
    kept: bool = False


def literal(value: str) -> str:
    """An SQL string literal: a view's definition cannot hold a parameter."""
    return "'" + value.replace("'", "''") + "'"


def curated_copy(lake: Path, target: Path) -> str:
    """The statement that turns raw flights into the curated dataset."""
    source = literal(f"{lake.as_posix()}/raw/flights/*/*/*.csv.gz")
    return f"""COPY (
    SELECT
        make_date(year::INT, month::INT, day::INT) AS flight_date,
        carrier,
        month::INT AS month,
        flight,
        tailnum,
        origin,
        dest,
        dep_delay,
        arr_delay,
        air_time,
        distance,
        arr_delay IS NULL AS is_cancelled,
        time_hour
    FROM read_csv({source}, hive_partitioning = true, nullstr = 'NA')
    ORDER BY carrier, month, time_hour, flight
) TO {literal(target.as_posix())} (
    FORMAT parquet, PARTITION_BY (carrier, month), FILENAME_PATTERN 'part-{{i}}'
)"""


def warehouse_steps(lake: Path) -> list[Step]:
    """All statements in order: schemas, staging views, marts, reports, comments."""
    schemas = ("staging", "marts", "reports", "sandbox")
    return [
        *(Step(f"CREATE SCHEMA {schema}") for schema in schemas),
        *_staging(lake),
        *(Step(text, _defined(text)) for text in _MARTS),
        *(Step(text) for text in _KEYS),
        *(Step(text, _defined(text), kept=True) for text in (*_REPORTS, _lake_view(lake))),
        *(Step(text) for text in _comments()),
    ]


def _defined(text: str) -> str | None:
    """The third word: ``CREATE TABLE name``, ``INSERT INTO name``."""
    return text.split(None, 3)[2]


def _staging(lake: Path) -> list[Step]:
    flights = literal(f"{lake.as_posix()}/raw/flights/*/*/*.csv.gz")
    weather = literal(f"{lake.as_posix()}/raw/weather/*.ndjson")
    texts = (
        f"""CREATE VIEW staging.flights AS
SELECT
    make_date(year::INT, month::INT, day::INT) AS flight_date,
    time_hour,
    carrier,
    flight AS flight_number,
    tailnum,
    origin,
    dest,
    dep_delay,
    arr_delay,
    air_time,
    distance,
    dep_time IS NULL AS is_cancelled
FROM read_csv({flights}, hive_partitioning = true, nullstr = 'NA')""",
        f"""CREATE VIEW staging.weather AS
SELECT origin, time_hour::TIMESTAMPTZ AS time_hour, temp, humid, wind_speed, precip, visib
FROM read_json({weather})""",
        f"""CREATE VIEW staging.airports AS
SELECT faa, name, location.lat AS latitude, location.lon AS longitude,
    location.alt::INT AS altitude, tzone
FROM read_json({literal(f"{lake.as_posix()}/raw/airports/airports.json")})""",
        f"""CREATE VIEW staging.planes AS
SELECT * FROM read_parquet({literal(f"{lake.as_posix()}/raw/planes/planes.parquet")})""",
        f"""CREATE VIEW staging.airlines AS
SELECT carrier, name FROM {literal(f"{lake.as_posix()}/raw/airlines/airlines.csv")}""",
    )
    return [Step(text, _defined(text), kept=True) for text in texts]


def _lake_view(lake: Path) -> str:
    curated = literal(f"{lake.as_posix()}/curated/flights/*/*/*.parquet")
    return f"""CREATE VIEW reports.lake_flights AS
SELECT flight_date, carrier, month, flight, origin, dest, arr_delay, is_cancelled
FROM read_parquet({curated}, hive_partitioning = true)"""


_MARTS = (
    """CREATE TABLE marts.airlines (carrier VARCHAR PRIMARY KEY, name VARCHAR NOT NULL)""",
    """INSERT INTO marts.airlines (carrier, name)
SELECT trim(carrier), trim(name) FROM staging.airlines""",
    """CREATE TABLE marts.flights AS
SELECT flight_date, time_hour, carrier, flight_number, tailnum, origin, dest, dep_delay,
    arr_delay, air_time, distance, is_cancelled
FROM staging.flights""",
    """CREATE TABLE marts.flights_2013_old AS
SELECT flight_date, carrier, flight_number, origin, dest, arr_delay
FROM marts.flights
WHERE flight_date < DATE '2013-07-01'""",
    """CREATE TABLE marts.flights_enriched AS
SELECT
    f.flight_date,
    f.carrier,
    a.name AS airline,
    f.flight_number,
    f.tailnum,
    p.manufacturer,
    p.model,
    f.origin,
    f.dest,
    d.name AS dest_name,
    f.dep_delay,
    f.arr_delay,
    f.distance / nullif(f.air_time / 60.0, 0) AS speed_mph
FROM marts.flights AS f
LEFT JOIN marts.airlines AS a USING (carrier)
LEFT JOIN staging.planes AS p ON p.tailnum = f.tailnum
LEFT JOIN staging.airports AS d ON d.faa = f.dest""",
    """CREATE TABLE marts.daily_delays AS
SELECT
    flight_date,
    origin,
    count(*) AS flights,
    count(*) FILTER (WHERE is_cancelled) AS cancelled,
    avg(dep_delay) AS avg_dep_delay,
    avg(arr_delay) AS avg_arr_delay,
    max(arr_delay) AS max_arr_delay
FROM marts.flights
GROUP BY flight_date, origin""",
    """CREATE TABLE marts.carrier_performance AS
WITH monthly AS (
    SELECT
        carrier,
        date_trunc('month', flight_date)::DATE AS month,
        count(*) AS flights,
        avg(CASE WHEN arr_delay <= 15 THEN 1.0 ELSE 0.0 END) AS on_time_share,
        quantile_cont(arr_delay, 0.9) AS p90_arr_delay
    FROM marts.flights
    WHERE NOT is_cancelled
    GROUP BY ALL
)
SELECT
    m.carrier,
    m.month,
    a.name AS airline,
    m.flights,
    m.on_time_share,
    m.p90_arr_delay,
    rank() OVER (PARTITION BY m.month ORDER BY m.on_time_share DESC) AS rank_in_month
FROM monthly AS m
JOIN marts.airlines AS a ON a.carrier = m.carrier""",
    """CREATE TABLE marts.airport_traffic AS
SELECT airport, sum(departures) AS departures, sum(arrivals) AS arrivals
FROM (
    SELECT origin AS airport, 1 AS departures, 0 AS arrivals FROM marts.flights
    UNION ALL
    SELECT dest, 0, 1 FROM marts.flights
) AS movements
GROUP BY airport""",
    """CREATE TABLE marts.delay_by_weather AS
SELECT
    f.origin,
    f.time_hour,
    w.temp,
    w.precip,
    w.visib,
    w.wind_speed,
    avg(f.dep_delay) AS avg_dep_delay,
    count(*) AS flights
FROM marts.flights AS f
JOIN staging.weather AS w ON w.origin = f.origin AND w.time_hour = f.time_hour
GROUP BY f.origin, f.time_hour, w.temp, w.precip, w.visib, w.wind_speed""",
    """CREATE TABLE sandbox.flights AS
SELECT * FROM marts.flights USING SAMPLE reservoir(2000 ROWS) REPEATABLE (42)""",
)

_KEYS = (
    "ALTER TABLE marts.flights ADD PRIMARY KEY (time_hour, carrier, flight_number)",
    "ALTER TABLE marts.daily_delays ADD PRIMARY KEY (flight_date, origin)",
    "ALTER TABLE marts.carrier_performance ADD PRIMARY KEY (carrier, month)",
    "ALTER TABLE marts.airport_traffic ADD PRIMARY KEY (airport)",
)

_REPORTS = (
    """CREATE VIEW reports.worst_days AS
SELECT flight_date, origin, flights, avg_arr_delay
FROM marts.daily_delays
WHERE flights >= 50
ORDER BY avg_arr_delay DESC
LIMIT 100""",
    """CREATE VIEW reports.carrier_ranking (airline, month, place, punctuality) AS
SELECT airline, month, rank_in_month, on_time_share FROM marts.carrier_performance""",
    """CREATE VIEW reports.busiest_airports AS
SELECT t.airport, a.name, t.departures + t.arrivals AS movements
FROM marts.airport_traffic AS t
LEFT JOIN staging.airports AS a ON a.faa = t.airport""",
    """CREATE VIEW reports.delay_by_manufacturer AS
SELECT manufacturer, count(*) AS flights, avg(arr_delay) AS avg_arr_delay
FROM marts.flights_enriched
GROUP BY manufacturer""",
)

# (table or view, column or None, comment)
_COMMENTS: tuple[tuple[str, str | None, str], ...] = (
    (
        "marts.flights",
        None,
        "All flights that left New York (EWR, JFK, LGA) in 2013, one row each. The table to "
        "use for analysis.",
    ),
    ("marts.flights", "flight_date", "Scheduled date of departure, local time."),
    ("marts.flights", "dep_delay", "Departure delay in minutes; negative is early."),
    ("marts.flights", "arr_delay", "Arrival delay in minutes; negative is early."),
    ("marts.flights", "is_cancelled", "True when the flight never departed."),
    (
        "marts.flights_2013_old",
        None,
        "First half of 2013 only, kept for the audit. Superseded by marts.flights.",
    ),
    ("marts.flights_enriched", None, "Flights with airline, aircraft and destination names."),
    ("marts.daily_delays", None, "Flights, cancellations and delays by day and origin."),
    ("marts.daily_delays", "avg_arr_delay", "Mean arrival delay of the day, minutes."),
    ("marts.carrier_performance", None, "Punctuality of each carrier by month."),
    (
        "marts.carrier_performance",
        "on_time_share",
        "Share (0 to 1) of flights that arrived at most 15 minutes late.",
    ),
    ("marts.airport_traffic", None, "Departures and arrivals by airport."),
    ("marts.delay_by_weather", None, "Mean departure delay beside the hour's weather."),
    ("marts.airlines", None, "Carrier codes and names."),
    ("staging.flights", None, "Raw flights with typed dates; not yet checked."),
    ("reports.worst_days", None, "The hundred days with the longest mean arrival delay."),
)
_VIEW_SCHEMAS = ("staging", "reports")


def _comments() -> list[str]:
    return [_comment(name, column, text) for name, column, text in _COMMENTS]


def _comment(name: str, column: str | None, text: str) -> str:
    if column is not None:
        return f"COMMENT ON COLUMN {name}.{column} IS {literal(text)}"
    kind = "VIEW" if name.split(".")[0] in _VIEW_SCHEMAS else "TABLE"
    return f"COMMENT ON {kind} {name} IS {literal(text)}"
