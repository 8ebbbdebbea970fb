"""Random expressions and assets: SQL on both engines equals the plain evaluator."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from catalog.access.evaluate import evaluate
from catalog.access.expression import (
    ATTRIBUTES,
    And,
    Equals,
    Everything,
    Expression,
    Glob,
    In,
    Not,
    Nothing,
    Or,
    Prefix,
)
from catalog.access.sqlfilter import compile_filter, visible_assets
from catalog.access.viewer import SYSTEM, install_policy
from catalog.errors import BadInput
from catalog.history.store import Store, table_of
from catalog.history.unit import Unit
from catalog.model import Asset, AssetAttribute, Namespace
from tests.support import rows

ASSET = table_of(Asset)

# Few letters, so that random tests hit; those that LIKE, GLOB and collations trip over.
WORDS = st.text(alphabet="aAäZ_%*?[]^\\-/.'\"\U0010ffff\ud7ff\ue000\n", max_size=4)
PATTERNS = st.text(alphabet="aAä_%*?[]^\\-/.'\U0010ffff", max_size=5)
SEVERAL = st.frozensets(WORDS, max_size=2)


@dataclass(frozen=True)
class Shape:
    kind: str
    asset_class: str
    name: str
    namespace: str
    platform: str
    source: str | None
    several: dict[str, frozenset[str]] = field(hash=False)

    @property
    def attributes(self) -> dict[str, str | frozenset[str] | None]:
        return {
            "class": self.asset_class,
            "kind": self.kind,
            "platform": self.platform,
            "source": self.source,
            "namespace": self.namespace,
            "name": self.name,
            **self.several,
        }


SHAPES = st.builds(
    Shape,
    kind=WORDS,
    asset_class=WORDS,
    name=WORDS,
    namespace=WORDS,
    platform=WORDS,
    source=st.none() | WORDS,
    several=st.fixed_dictionaries(
        dict.fromkeys(("tag", "classification", "owner", "domain"), SEVERAL)
    ),
)
NAMES = st.sampled_from(ATTRIBUTES)
LEAVES = (
    st.builds(Equals, NAMES, WORDS)
    | st.builds(In, NAMES, st.lists(WORDS, max_size=3).map(tuple))
    | st.builds(Prefix, NAMES, WORDS | WORDS.map(lambda word: word + "/"))
    | st.builds(Glob, NAMES, PATTERNS)
    | st.sampled_from([Everything(), Nothing()])
)


def _grow(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    several = st.lists(inner, max_size=3).map(tuple)
    return st.builds(And, several) | st.builds(Or, several) | st.builds(Not, inner)


EXPRESSIONS = st.recursive(LEAVES, _grow, max_leaves=6)


def _insert(unit: Unit, shapes: list[Shape]) -> dict[int, Shape]:
    """Fresh rows; namespaces and sources of earlier examples have unique names, so look first."""
    for model in (AssetAttribute, Asset, Namespace):
        unit.connection.execute(delete(table_of(model)))
    unit.connection.exec_driver_sql("DELETE FROM source")
    spaces: dict[tuple[str, str], int] = {}
    sources: dict[str, int] = {}
    made = {}
    for number, shape in enumerate(shapes):
        if shape.namespace not in {text for text, _ in spaces}:
            spaces[shape.namespace, shape.platform] = rows.add(
                unit, Namespace(text=shape.namespace, platform=shape.platform)
            )
        elif (shape.namespace, shape.platform) not in spaces:
            continue
        if shape.source is not None and shape.source not in sources:
            sources[shape.source] = rows.source(unit, shape.source)
        key = rows.asset(
            unit,
            spaces[shape.namespace, shape.platform],
            f"{number}",
            kind=shape.kind,
            asset_class=shape.asset_class,
            source=None if shape.source is None else sources[shape.source],
        )
        unit.connection.execute(ASSET.update().where(ASSET.c.key == key).values(name=shape.name))
        for name, values in shape.several.items():
            for value in values:
                unit.session.add(AssetAttribute(asset=key, attribute=name, value=value))
        unit.session.flush()
        made[key] = shape
    return made


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(SHAPES, min_size=1, max_size=6), st.lists(EXPRESSIONS, min_size=1, max_size=8))
def test_sql_equals_the_evaluator(
    store: Store, shapes: list[Shape], expressions: list[Expression]
) -> None:
    with store.write("system") as unit:
        made = _insert(unit, shapes)
        for expression in expressions:
            found = set(
                unit.connection.execute(
                    select(ASSET.c.key).where(compile_filter(expression))
                ).scalars()
            )
            wanted = {key for key, one in made.items() if evaluate(expression, one.attributes)}
            assert found == wanted, expression


CASES = [
    (Glob("name", "a[b]*"), "a[b]c", True),
    (Glob("name", "a[b]*"), "abc", False),
    (Glob("name", "A*"), "abc", False),
    (Glob("name", "a_c"), "abc", False),
    (Glob("name", "a%"), "abc", False),
    (Glob("name", "a?c"), "aäc", True),
    (Glob("name", "a\\*"), "a\\b", True),
    (Glob("name", "*"), "a\nb", True),
    (Prefix("name", "Ab"), "abc", False),
    (Prefix("name", "a_"), "abc", False),
    (Prefix("name", ""), "abc", True),
    (Prefix("name", "\U0010ffff"), "\U0010ffffa", True),
    (Not(Equals("source", "wh")), "abc", True),
    (In("name", ()), "abc", False),
    (And(()), "abc", True),
    (Or(()), "abc", False),
]


@pytest.mark.parametrize(("expression", "name", "fits"), CASES)
def test_what_bites(sqlite_store: Store, expression: Expression, name: str, fits: bool) -> None:
    with sqlite_store.write("system") as unit:
        key = rows.asset(unit, rows.namespace(unit), name)
        found = unit.connection.execute(select(ASSET.c.key).where(compile_filter(expression)))
        assert found.scalars().all() == ([key] if fits else [])
        assert evaluate(expression, {"name": name}) is fits


def test_a_path_prefix_means_the_parent_and_its_children() -> None:
    below = Prefix("tag", "pii/")
    assert evaluate(below, {"tag": ("pii",)})
    assert evaluate(below, {"tag": ("pii/email",)})
    assert not evaluate(below, {"tag": ("pii2", "p")})
    assert not evaluate(Prefix("name", "pii/"), {"name": "pii"})


def test_the_policy_decides_what_is_seen(sqlite_store: Store) -> None:
    before = install_policy(lambda viewer: Equals("source", "wh"))
    try:
        with sqlite_store.write("system") as unit:
            space = rows.namespace(unit)
            seen = rows.asset(unit, space, "seen", source=rows.source(unit, "wh"))
            rows.asset(unit, space, "hidden", source=rows.source(unit, "secret"))
            other = ASSET.alias()
            found = unit.connection.execute(
                select(other.c.key).where(visible_assets(SYSTEM, other))
            )
            assert found.scalars().all() == [seen]
    finally:
        install_policy(before)


def test_a_strange_attribute_is_refused() -> None:
    with pytest.raises(BadInput, match="no attribute 'password'"):
        compile_filter(Equals("password", "x"))
