"""Contract of the search engine port: subclass `EngineContract`, give it ``open_engine``.

::

    class TestMine(EngineContract):
        @pytest.fixture
        def open_engine(self, tmp_path):
            return lambda: MyEngine(tmp_path / "index")

``open_engine`` opens the same index each time, as another process would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.access.evaluate import evaluate
from catalog.access.expression import Equals, Expression, Not
from catalog.errors import BadInput, Unavailable
from catalog.search.document import Document, document_hash
from catalog.search.engine import FACETS, Query, SearchEngine
from catalog.testing.engine_documents import (
    ODD_NAMES,
    SHOP,
    START,
    attributes,
    expressions,
    facet,
    fill,
    found,
    make_document,
    random_documents,
)

_QUIET = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class EngineContract:
    """What every search engine must do."""

    @pytest.fixture
    def engine(self, open_engine: Callable[[], SearchEngine]) -> Iterator[SearchEngine]:
        """An engine over no index yet."""
        engine = open_engine()
        yield engine
        engine.close()

    @pytest.fixture
    def shop(self, engine: SearchEngine) -> SearchEngine:
        """An engine that holds `SHOP`, some by rebuild and some by apply."""
        fill(engine, SHOP[:4])
        engine.apply(SHOP[4:], [], START)
        return engine

    # --- finding ------------------------------------------------------------------------

    @pytest.mark.parametrize(
        ("text", "first"),
        [
            ("orders", 1),
            ("shop.public.orders", 1),
            ("SHOP.PUBLIC.ORDERS", 1),
            ("public.orders", 1),
            ("postgres://db:5432/shop.public.orders", 1),
            ("wh.shop.public.orders", 1),
            ("order_items", 2),
            ("Order Items", 7),
            ('shop.public."Order Items"', 7),
            ("kind:table orders", 1),
            ("flights/raw", 5),
            ("net revenue", 4),
        ],
    )
    def test_the_exact_name_is_first(self, shop: SearchEngine, text: str, first: int) -> None:
        """Whatever else has the words more often."""
        assert found(shop, text)[0] == first

    @pytest.mark.parametrize(
        "text", ["arr_delay", "arrDelay", "arrdelay2013", "arr-delay 2013", "delay", "ARR DELAY"]
    )
    def test_identifiers_are_split_alike(self, shop: SearchEngine, text: str) -> None:
        """Case, underscore, dash and digit part a name, in index and query."""
        assert found(shop, text) == [5]

    @pytest.mark.parametrize(
        ("text", "keys"),
        [
            ("", {1, 2, 3, 4, 5, 7}),
            ('"net of tax"', {4}),
            ('"of net"', set()),
            ('"dep_time"', {5}),
            ('"delay dep"', set()),
            ("reven*", {4}),
            ("orders -archive", {1, 2, 4, 7}),
            ("orders -archive -kind:view", {1, 2, 7}),
            ("legacy OR carrier OR revenue", {4, 5}),
            ("shop (2013 OR sku)", {2, 3}),
            ("tag:pii", {4}),
            ("tag:PII*", {4, 5}),
            ("-tag:pii", {1, 2, 3, 5, 7}),
            ("owner:ann", {4}),
            ("owner:person:ann", {4}),
            ("flag:endorsed", {4}),
            ("platform:file", {5}),
            ("source:lake", {5}),
            ("env:staging", {7}),
            ("column:arr_delay", {5}),
            ("column:orders", {2}),
            ("column:refunds", set()),
            ("title:net", {4}),
            ("description:gross", {4}),
            ("name:mart", {4}),
            ("refunds", {4}),
            ("kind:nothing orders", set()),
        ],
    )
    def test_the_language(self, shop: SearchEngine, text: str, keys: set[int]) -> None:
        """Each form finds what it says."""
        assert set(found(shop, text)) == keys

    def test_some_words_are_better_than_nothing(self, shop: SearchEngine) -> None:
        """When nothing has all words; filters hold all the same."""
        result = shop.search(Query("revenue sku zebra"))
        assert result.fallback
        assert {hit.key for hit in result.hits} == {2, 4}
        result = shop.search(Query("revenue sku zebra kind:view"))
        assert [hit.key for hit in result.hits] == [4]
        assert not shop.search(Query("orders")).fallback

    def test_a_referenced_asset_has_only_its_name(self, shop: SearchEngine) -> None:
        """Found by the exact name, full or last part; in no listing and no count."""
        assert found(shop, "old.public.legacy") == [6]
        assert found(shop, "legacy") == [6]
        assert found(shop, "old") == []
        assert found(shop, "legac*") == []
        assert found(shop, "kind:dataset") == [5]
        assert facet(shop, Query("legacy", facets=["kind"]), "kind") == {}

    def test_flags_and_popularity_move_equals(self, engine: SearchEngine) -> None:
        """Endorsed and popular ones first, deprecated ones last."""
        fill(
            engine,
            [
                make_document(1, "a.b.sales_one", flag="deprecated", popularity=9),
                make_document(2, "a.b.sales_two"),
                make_document(3, "a.b.sales_six", popularity=5),
                make_document(4, "a.b.sales_ten", popularity=5, flag="endorsed"),
            ],
        )
        assert found(engine, "sales") == [4, 3, 2, 1]

    def test_matches_are_shown(self, shop: SearchEngine) -> None:
        """Fields and places of the words."""
        (hit,) = shop.search(Query("delay late")).hits
        assert hit.matched == ("columns",)
        spans = {(one.field, one.text, one.spans) for one in hit.highlights}
        assert ("column:arrDelay2013", "arrDelay2013", ((3, 8),)) in spans

    def test_pages_do_not_overlap(self, engine: SearchEngine) -> None:
        """All hits, each once, in the same order as in one page; by every sort."""
        fill(engine, [make_document(key, f"a.b.t{key % 7}x{key}") for key in range(1, 41)])
        for sort in ("relevance", "name", "popularity"):
            whole = engine.search(Query("t*", sort=sort, limit=100))
            assert whole.total == 40
            pages = [
                hit.key
                for offset in range(0, 40, 7)
                for hit in engine.search(Query("t*", sort=sort, offset=offset, limit=7)).hits
            ]
            assert pages == [hit.key for hit in whole.hits]
            assert len(set(pages)) == 40

    def test_names_in_order(self, shop: SearchEngine) -> None:
        """Sorted by the last part."""
        keys = [hit.key for hit in shop.search(Query("shop", sort="name")).hits]
        assert keys == [7, 2, 1, 3]

    # --- facets and filters -------------------------------------------------------------

    def test_facets_count_all_hits(self, shop: SearchEngine) -> None:
        """Not only those of the page; a parent tag counts its children."""
        query = Query(facets=FACETS, limit=1)
        assert facet(shop, query, "kind") == {"table": 4, "view": 1, "dataset": 1}
        assert facet(shop, query, "tag") == {
            "finance": 1,
            "pii": 1,
            "pii/email": 1,
            "pii2": 1,
        }
        assert facet(shop, query, "owner") == {"person:ann": 1}
        assert facet(shop, query, "flag") == {"endorsed": 1, "deprecated": 1}

    def test_a_facets_own_filter_leaves_its_counts(self, shop: SearchEngine) -> None:
        """So that one more value can be chosen."""
        query = Query("orders", filters={"kind": ["view"]}, facets=("kind", "source"))
        assert found(shop, query) == [4]
        assert facet(shop, query, "kind") == {"table": 4, "view": 1}
        assert facet(shop, query, "source") == {"wh": 1}

    def test_a_filter_takes_any_of_its_values(self, shop: SearchEngine) -> None:
        """Filters are joined by and, their values by or."""
        query = Query(filters={"kind": ["view", "dataset"], "source": ["lake"]})
        assert found(shop, query) == [5]

    # --- visibility ---------------------------------------------------------------------

    def test_random_expressions_equal_the_reference(self, engine: SearchEngine) -> None:
        """Hits, totals and facets are those of `catalog.access.evaluate`, odd values included."""
        documents = random_documents()
        fill(engine, documents[:30])
        engine.apply(documents[20:], [], START)

        @_QUIET
        @given(expressions())
        def check(expression: Expression) -> None:
            wanted = {one.key for one in documents if evaluate(expression, attributes(one))}
            result = engine.search(Query(limit=100, facets=("kind",)), expression)
            assert {hit.key for hit in result.hits} == wanted
            assert result.total == len(wanted)
            assert sum(one.count for one in result.facets["kind"]) == len(wanted)

        check()

    def test_nothing_hidden_is_suggested(self, shop: SearchEngine) -> None:
        """Similar names pass the same filter."""
        assert shop.similar_names("daily_revenu")[0].key == 4
        assert shop.similar_names("daily_revenu", Not(Equals("kind", "view"))) == []

    def test_similar_names(self, shop: SearchEngine) -> None:
        """Mistyped, with and without its containers."""
        assert shop.similar_names("oders")[0].key == 1
        assert shop.similar_names("shop.public.ordres")[0].key == 1
        assert shop.similar_names("zzzzzz") == []
        assert shop.similar_names("!?") == []

    # --- writing ------------------------------------------------------------------------

    def test_no_index_yet(self, engine: SearchEngine) -> None:
        """It says so, and that it will come."""
        assert engine.position() is None
        assert engine.count() == 0
        assert list(engine.hashes()) == []
        with pytest.raises(Unavailable):
            engine.search(Query("x"))
        with pytest.raises(Unavailable):
            engine.apply([], [], START)

    def test_a_commit_replaces_and_drops(
        self, shop: SearchEngine, open_engine: Callable[[], SearchEngine]
    ) -> None:
        """By asset key; the position moves with it; twice is as good as once."""
        moved = replace(START, sequence=7, change_id=9, asset=2)
        new = make_document(2, "shop.public.renamed")
        for _ in range(2):
            shop.apply([new, make_document(8, "x.y.z")], [1, 99], moved)
        other = open_engine()
        for one in (shop, other):
            assert one.position() == moved
            assert found(one, "renamed") == [2]
            assert found(one, "sku") == []
            wanted = {one.key: document_hash(one) for one in SHOP if one.key not in (1, 2)}
            wanted[2] = document_hash(new)
            wanted[8] = document_hash(make_document(8, "x.y.z"))
            assert sorted(one.hashes()) == sorted(wanted.items())
            assert one.count() == len(wanted)
        other.close()

    def test_the_same_asset_twice_in_a_commit(self, engine: SearchEngine) -> None:
        """The last one counts; there is one."""
        fill(engine, [])
        first, last = make_document(1, "a.b.first"), make_document(1, "a.b.last")
        engine.apply([first, last], [], START)
        assert list(engine.hashes()) == [(1, document_hash(last))]

    def test_a_failed_rebuild_leaves_the_old_index(self, shop: SearchEngine) -> None:
        """Readers never see half an index."""
        before = sorted(shop.hashes())

        def broken() -> Iterator[Document]:
            yield make_document(1, "x")
            raise RuntimeError

        moved = replace(START, sequence=5)
        with pytest.raises(RuntimeError), shop.rebuild(moved) as batch:
            batch.add(broken())
        assert sorted(shop.hashes()) == before
        assert shop.position() == START
        assert found(shop, "orders")[0] == 1

    def test_reading_while_rebuilding(self, shop: SearchEngine) -> None:
        """The old index answers until the new one is whole."""
        with shop.rebuild(replace(START, sequence=5)) as batch:
            batch.add([make_document(1, "x.y.fresh")])
            assert found(shop, "orders")[0] == 1
            assert found(shop, "fresh") == []
        assert found(shop, "fresh") == [1]
        assert shop.count() == 1

    def test_any_sequence_of_commits(self, open_engine: Callable[[], SearchEngine]) -> None:
        """Index equal to a plain dictionary, through merges, drops and reopening."""
        step = st.tuples(
            st.lists(st.tuples(st.integers(1, 12), st.sampled_from("abc")), max_size=4),
            st.lists(st.integers(1, 12), max_size=2),
        )

        @settings(
            max_examples=15,
            deadline=None,
            suppress_health_check=[HealthCheck.function_scoped_fixture],
        )
        @given(st.lists(step, min_size=1, max_size=14))
        def check(steps: list[tuple[list[tuple[int, str]], list[int]]]) -> None:
            engine = open_engine()
            model: dict[int, Document] = {}
            fill(engine, [])
            for number, (puts, gone) in enumerate(steps):
                made = {key: make_document(key, f"n.{name}", tags=(name,)) for key, name in puts}
                gone = [key for key in gone if key not in made]
                engine.apply(made.values(), gone, replace(START, sequence=number))
                model.update(made)
                for key in gone:
                    model.pop(key, None)
            assert dict(engine.hashes()) == {key: document_hash(one) for key, one in model.items()}
            assert engine.count() == len(model) == len(list(engine.hashes()))
            for name in "abc":
                wanted = {key for key, one in model.items() if one.tags == (name,)}
                assert set(found(engine, f"tag:{name}")) == wanted
                assert set(found(engine, f"name:{name}")) == wanted
            engine.close()

        check()

    # --- bad input ----------------------------------------------------------------------

    @pytest.mark.parametrize("name", ODD_NAMES)
    def test_odd_names_are_kept(self, engine: SearchEngine, name: str) -> None:
        """Indexed, found by filter, and shown; found by name where a query can hold it."""
        one = make_document(1, name, leaf=name, description=name, columns=((name, name),))
        fill(engine, [one, make_document(2, "shop.public.orders")])
        assert dict(engine.hashes())[1] == document_hash(one)
        result = engine.search(Query(), Equals("name", name))
        assert [hit.key for hit in result.hits] == [1]
        if len(name) <= 500 and name.strip() and name != "kind:table":
            assert found(engine, name)[:1] == [1]

    def test_no_text_breaks_it(self, shop: SearchEngine) -> None:
        """Any text is searched or refused as `BadInput`; signs alone find nothing."""
        pieces = ["a", "orders", '"', "(", ")", "-", "*", ":", "OR", "NOT", " ", "kind:", "tag:x"]

        @_QUIET
        @given(st.one_of(st.text(max_size=40), st.lists(st.sampled_from(pieces)).map("".join)))
        def check(text: str) -> None:
            try:
                result = shop.search(Query(text, facets=FACETS))
            except BadInput:
                return
            assert result.total <= len(SHOP)

        check()
        assert found(shop, "?!") == []

    @pytest.mark.parametrize(
        "query",
        [
            Query(limit=1000),
            Query(limit=-1),
            Query(offset=1_000_000),
            Query(facets=["name"]),
            Query(sort="size"),  # type: ignore[arg-type]
            Query(filters={"knd": ["x"]}),
            Query("knd:x"),
            Query("x" * 600),
        ],
    )
    def test_wrong_questions_are_refused(self, shop: SearchEngine, query: Query) -> None:
        """As bad input, with what is right."""
        with pytest.raises(BadInput) as raised:
            shop.search(query)
        assert raised.value.remedy
