"""Schedules: intervals, cron in a zone, both clock changes, catching up once."""

from __future__ import annotations

from itertools import pairwise

import pytest

from catalog.errors import BadInput
from catalog.model import clock
from catalog.sources.schedules import Schedule, from_value, next_runs, parse


def shown(moments: list[int]) -> list[str]:
    return [(clock.to_text(moment) or "")[:16] for moment in moments]


def at(text: str) -> int:
    return clock.from_text(text)


BERLIN = "Europe/Berlin"


def test_every_day_at_three_in_the_zone() -> None:
    made = parse("0 3 * * *", BERLIN)
    assert shown(next_runs(made, at("2026-07-01T00:00:00Z"), 2)) == [
        "2026-07-01T01:00",
        "2026-07-02T01:00",
    ]


def test_a_skipped_time_runs_once_right_after_the_change() -> None:
    """On 29 March 2026 Berlin goes from 02:00 to 03:00, which is 01:00 UTC."""
    made = parse("30 2 * * *", BERLIN)
    assert shown(next_runs(made, at("2026-03-28T00:00:00Z"), 3)) == [
        "2026-03-28T01:30",
        "2026-03-29T01:00",
        "2026-03-30T00:30",
    ]


def test_several_skipped_times_and_the_one_after_fall_together() -> None:
    made = parse("0,20,40 2,3 * * *", BERLIN)
    assert shown(next_runs(made, at("2026-03-29T00:30:00Z"), 3)) == [
        "2026-03-29T01:00",
        "2026-03-29T01:20",
        "2026-03-29T01:40",
    ]


def test_a_repeated_time_runs_once_the_first_time() -> None:
    """On 25 October 2026 Berlin's 02:00-03:00 comes twice: 00:00 and 01:00 UTC."""
    made = parse("30 2 * * *", BERLIN)
    assert shown(next_runs(made, at("2026-10-24T12:00:00Z"), 2)) == [
        "2026-10-25T00:30",
        "2026-10-26T01:30",
    ]
    assert shown(next_runs(made, at("2026-10-25T01:10:00Z"), 1)) == ["2026-10-26T01:30"]


def test_a_change_of_half_an_hour_away_from_the_full_hour() -> None:
    """Lord Howe Island moves by 30 minutes: on 4 October 2026, 02:00 becomes 02:30."""
    made = parse("15 2 * * *", "Australia/Lord_Howe")
    assert shown(next_runs(made, at("2026-10-03T00:00:00Z"), 1)) == ["2026-10-03T15:30"]


@pytest.mark.parametrize("start", ["2026-03-28T20:00:00Z", "2026-10-24T20:00:00Z"])
def test_asking_again_from_each_run_gives_the_same_list(start: str) -> None:
    made = parse("*/20 * * * *", BERLIN)
    whole = next_runs(made, at(start), 40)
    assert all(a < b for a, b in pairwise(whole))
    moment, stepped = at(start), []
    for _ in range(40):
        (moment,) = next_runs(made, moment, 1)
        stepped.append(moment)
    assert stepped == whole


def test_an_interval_keeps_its_rhythm() -> None:
    made = parse("2h")
    first = at("2026-01-01T01:00:00Z")
    late = at("2026-01-01T04:10:00Z")
    assert shown(next_runs(made, late, 2, first=first)) == ["2026-01-01T05:00", "2026-01-01T07:00"]
    assert next_runs(parse("30m"), late, 1) == [late + 30 * clock.MINUTE]


@pytest.mark.parametrize(
    "text", ["", "often", "0", "0m", "61 * * * *", "* * * *", "* * * * * *", "400d", "0 0 30 2 *"]
)
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match=r"30m|never|year"):
        parse(text)


def test_an_unknown_zone_is_refused() -> None:
    for zone in ("Mars/Olympus", "../../etc/passwd", ""):
        with pytest.raises(BadInput, match="time zone"):
            parse("0 3 * * *", zone)


def test_json_forms() -> None:
    made = from_value({"cron": "0 3 * * *", "zone": BERLIN})
    assert made == Schedule(cron="0 3 * * *", zone=BERLIN)
    assert from_value({"every": "1d"}) == from_value("1d") == Schedule(every="1d")
    assert from_value(None) is None
    for wrong in ({"cron": "0 3 * * *", "every": "1d"}, {}, 5, {"when": "1d"}):
        with pytest.raises(BadInput):
            from_value(wrong)
