"""The store is never wrong: any sequence of events against a reference model."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.people import make_template
from tests.support.play import play
from tests.support.postgres import Postgres
from tests.support.steps import Act, Confirm, CrawlIt, Edit, Follow, Parse, Step, Trouble
from tests.support.store import store_database

IN_CI = os.environ.get("CATALOG_TESTS_REQUIRE_ALL") == "1"
SMALL = st.integers(0, 11)
EVENTS = [
    "add", "fill", "drop", "drop_most", "rename", "swap", "rename_over", "recreate", "add_column",
    "drop_column", "rename_column", "retype", "turn_columns", "comment", "define", "toggle_ids",
    "toggle_scope", "describe", "mirror", "rename",
]  # fmt: skip


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("properties") / "template.db"
    make_template(path)
    return path


def acts(*what: str) -> st.SearchStrategy[Step]:
    return st.builds(Act, st.sampled_from([0, 0, 1]), st.sampled_from(what), SMALL, SMALL)


crawls = st.builds(
    CrawlIt,
    st.sampled_from([0, 0, 1]),
    st.sampled_from(["none", "none", "none", *get_args(Trouble)]),
    SMALL,
    st.lists(st.integers(0, 40), max_size=2).map(tuple) | st.just(()),
)
edits = st.builds(
    Edit,
    st.integers(0, 1),
    SMALL,
    st.integers(0, 3),
    st.sampled_from(["description", "tag", "owner", "flag"]),
    st.integers(0, 2),
)
others = st.builds(Confirm, st.integers(0, 1)) | st.just(Parse()) | st.just(Follow())
begin = st.just([Act(0, "fill", 2, 1), CrawlIt(0)])
steps = st.lists(
    st.one_of(acts(*EVENTS), acts(*EVENTS), crawls, edits, others), min_size=1, max_size=24
)


# In CI the same examples every time; elsewhere new ones, and a failure prints how to repeat it.
settings.register_profile(
    "properties",
    deadline=None,
    derandomize=IN_CI,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)


@settings(settings.get_profile("properties"), max_examples=100)
@given(begin, steps)
def test_the_store_is_what_the_rules_say(
    template: Path, first: list[Step], rest: list[Step]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        play(Path(folder), template, first + rest + [CrawlIt(0), CrawlIt(1)])


@pytest.mark.postgres
@settings(settings.get_profile("properties"), max_examples=8)
@given(begin, steps)
def test_the_store_is_so_on_postgresql(
    postgres: Postgres, first: list[Step], rest: list[Step]
) -> None:
    database = store_database(postgres)
    with tempfile.TemporaryDirectory() as folder:
        play(Path(folder), database.url("postgresql+psycopg"), first + rest + [CrawlIt(0)])
    database.drop()
