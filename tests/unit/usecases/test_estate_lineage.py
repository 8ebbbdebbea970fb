"""Lineage of the demo estate: from a report back to the raw file, column by column."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.crawling.records import Statement
from catalog.sql import Parsed, lineage
from catalog.usecases.estate import estate_at, estate_records
from catalog.usecases.estate_sql import warehouse_steps


@pytest.fixture
def flows(tmp_path: Path) -> dict[tuple[str, str], set[tuple[str, str]]]:
    """(table, column) -> where it comes from; paths by their last folders."""
    found: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for parsed in _all(tmp_path):
        assert parsed.problems == ()
        assert parsed.target is not None
        for edge in parsed.columns:
            if edge.kind == "direct":
                target = (_name(parsed.target, tmp_path), edge.target_column)
                source = (_name(edge.source, tmp_path), edge.source_column)
                found.setdefault(target, set()).add(source)
    return found


def _all(folder: Path) -> list[Parsed]:
    estate = estate_at(folder)
    records = [r for r in estate_records(estate) if isinstance(r, Statement)]
    texts = [record.text for record in records]
    texts += [step.text for step in warehouse_steps(estate.lake) if step.kept]
    return [parsed for text in texts for parsed in lineage(text, "duckdb", {})]


def _name(ref: object, folder: Path) -> str:
    path = getattr(ref, "path", None)
    if path is not None:
        return str(Path(path).relative_to(folder / "lake"))
    return str(getattr(ref, "key", ""))


def _origins(flows: dict, table: str, column: str) -> set[tuple[str, str]]:
    """Everything upstream that nothing else flows into."""
    ends, todo, seen = set(), [(table, column)], set()
    while todo:
        at = todo.pop()
        if at in seen:
            continue
        seen.add(at)
        before = flows.get(at, set())
        todo.extend(before)
        if not before:
            ends.add(at)
    return ends


def test_a_delay_is_traced_from_a_report_to_the_raw_csv(flows: dict) -> None:
    raw = {("raw/flights", "arr_delay")}
    assert _origins(flows, "reports.worst_days", "avg_arr_delay") == raw
    assert _origins(flows, "marts.daily_delays", "max_arr_delay") == raw
    assert _origins(flows, "reports.carrier_ranking", "punctuality") == raw
    assert _origins(flows, "reports.lake_flights", "arr_delay") == raw


def test_columns_of_several_origins_have_them_all(flows: dict) -> None:
    assert _origins(flows, "marts.flights_enriched", "speed_mph") == {
        ("raw/flights", "distance"),
        ("raw/flights", "air_time"),
    }
    assert _origins(flows, "reports.busiest_airports", "airport") == {
        ("raw/flights", "origin"),
        ("raw/flights", "dest"),
    }
    assert _origins(flows, "reports.busiest_airports", "name") == {
        ("raw/airports/airports.json", "name")
    }


def test_every_record_names_its_asset(tmp_path: Path) -> None:
    estate = estate_at(tmp_path)
    for record in estate_records(estate):
        assert isinstance(record, Statement)
        (parsed,) = lineage(record.text, record.dialect, {})
        assert parsed.target is not None
        written = parsed.target.path or f"{estate.duckdb.stem}.{parsed.target.key}"
        assert written == record.defines
        assert parsed.sources
