"""Properties of grouping: whatever lies in a lake, each file is in one dataset of its own name."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.crawling.lake.grouping import Bundle, plan, resolve
from catalog.crawling.lake.listing import File, Folder
from catalog.crawling.lake.run import possible_names

FOLDERS = ("a", "data", "k=1", "k=2", "j=x", "2024", "2023", "01", "02", "2024-01-02", "a b")
FILES = (
    "data.csv",
    "part-0",
    "part-1",
    "f1.csv",
    "f2.csv",
    "f1.json",
    "g.ndjson",
    "x.parquet",
    "y.parquet",
    "README",
    "2024-01-01.csv.gz",
    "2024-01-02.csv.gz",
    "*.csv",
    "pic1.png",
)

trees: st.SearchStrategy[Any] = st.recursive(
    st.tuples(st.sets(st.sampled_from(FILES), max_size=5), st.just({})),
    lambda inner: st.tuples(
        st.sets(st.sampled_from(FILES), max_size=4),
        st.dictionaries(st.sampled_from(FOLDERS), inner, max_size=4),
    ),
    max_leaves=12,
)


def build(path: str, tree: tuple[set[str], dict[str, Any]]) -> Folder:
    names, below = tree
    files = [File(f"{path}/{name}", 1, 1) for name in sorted(names)]
    children = [build(f"{path}/{name}", below[name]) for name in sorted(below)]
    return Folder(path, files, children)


def answers(seed: int) -> Callable[[Bundle], bool]:
    """Similar or not at random, but always the same for one bundle."""
    return lambda bundle: random.Random(f"{seed} {bundle.name}").random() < 0.5


@settings(max_examples=300, deadline=None)
@given(trees, st.integers(0, 1000), st.booleans())
def test_every_file_is_in_one_dataset_of_its_own_name(
    tree: tuple[set[str], dict[str, Any]], seed: int, top: bool
) -> None:
    root = build("/lake", tree)
    bundles = list(plan(root, top))
    parts = [part for bundle in bundles for part in resolve(bundle, answers(seed))]
    listed = sorted(file.path for folder in root.walk() for file in folder.files)
    assert sorted(file.path for part in parts for file in part.files) == listed
    names = [part.name for part in parts]
    assert len(names) == len(set(names)), names
    possible = {name for bundle in bundles for name in possible_names(bundle)}
    assert set(names) <= possible
    assert len({bundle.name for bundle in bundles}) == len(bundles)
    for part in parts:
        assert part.members
        assert part.folder == "/lake" or part.folder.startswith("/lake/")
        assert (part.rule in ("hive", "dates")) == bool(part.partition_keys)
