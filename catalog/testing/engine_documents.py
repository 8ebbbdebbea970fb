"""What the contract of search engines is played with: documents, expressions, short questions."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

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
from catalog.naming import id_text
from catalog.search.document import DOCUMENT_VERSION, Document
from catalog.search.engine import Position, Query, SearchEngine

START = Position(0, 0, "epoch", DOCUMENT_VERSION)
_PLAIN = Document(
    key=0,
    uid="",
    asset_class="data",
    kind="table",
    platform="postgres",
    namespace="postgres://db:5432",
    name="",
    leaf="",
    title=None,
    description=None,
    columns=(),
    tags=(),
    owners=(),
    owner_names=(),
    classifications=(),
    domains=(),
    source="wh",
    environment=None,
    flag=None,
    state="crawled",
    popularity=0,
    rows_class=None,
    parents=(),
    identifiers="",
)


def make_document(key: int, name: str, **values: Any) -> Document:
    """A live table; its leaf is the last dotted part unless it is given."""
    given_ = {"leaf": name.rsplit(".", 1)[-1], **values}
    return replace(_PLAIN, key=key, uid=id_text(key.to_bytes(16, "big")), name=name, **given_)


def attributes(one: Document) -> dict[str, str | tuple[str, ...] | None]:
    """A document's values as the visibility expression sees them."""
    return {
        "class": one.asset_class,
        "kind": one.kind,
        "platform": one.platform,
        "source": one.source,
        "namespace": one.namespace,
        "name": one.name,
        "domain": one.domains,
        "tag": one.tags,
        "classification": one.classifications,
        "owner": one.owners,
    }


SHOP = (
    make_document(1, "shop.public.orders", description="One row for each order."),
    make_document(2, "shop.public.order_items", columns=(("orderId", None), ("sku", None))),
    make_document(
        3,
        "shop.archive.orders_2013",
        flag="deprecated",
        title="Orders of the past",
        description="All orders, and orders again: orders.",
    ),
    make_document(
        4,
        "dw.mart.daily_revenue",
        kind="view",
        title="Net revenue",
        description="Gross revenue less refunds, net of tax.",
        tags=("finance", "pii/email"),
        owners=("person:ann",),
        owner_names=("Ann Lee",),
        flag="endorsed",
        identifiers="orders refunds",
    ),
    make_document(
        5,
        "flights/raw",
        platform="file",
        namespace="file",
        kind="dataset",
        leaf="raw",
        source="lake",
        columns=(("arrDelay2013", "minutes late"), ("dep_time", None), ("carrier", None)),
        tags=("pii2",),
    ),
    make_document(6, "old.public.legacy", state="referenced", kind="dataset", source=None),
    make_document(7, 'shop.public."Order Items"', leaf="Order Items", environment="staging"),
)

ODD_NAMES = (
    "a'b; DROP TABLE x--",
    'q"uo"te',
    "dot.ted/sla\\sh",
    "\\u0000",
    "ünï cödé 表",
    "x" * 20_000,
    "???",
    " ",
    "OR",
    "kind:table",
    "*",
    "(",
)
_VALUES = ("a", "A", "ab", "a/b", "a/b/c", "a/bc", "b", "a*b", "a?", "", "é", "a%_b", "a b")
_VALUE = st.sampled_from(_VALUES)
_ATTRIBUTE = st.sampled_from(ATTRIBUTES)
_MANY = st.lists(_VALUE, max_size=3, unique=True).map(tuple)


def expressions() -> st.SearchStrategy[Expression]:
    """Any visibility expression, over few odd values."""
    tests = st.one_of(
        st.just(Everything()),
        st.just(Nothing()),
        st.builds(Equals, _ATTRIBUTE, _VALUE),
        st.builds(In, _ATTRIBUTE, _MANY),
        st.builds(Prefix, _ATTRIBUTE, st.sampled_from((*_VALUES, "a/", "a/b/"))),
        st.builds(
            Glob, _ATTRIBUTE, st.sampled_from(("*", "a*", "?", "a?", "*b", "a/*", "a[b", ""))
        ),
    )
    return st.recursive(
        tests,
        lambda inner: st.one_of(
            st.builds(Not, inner),
            st.builds(And, st.lists(inner, max_size=3).map(tuple)),
            st.builds(Or, st.lists(inner, max_size=3).map(tuple)),
        ),
        max_leaves=8,
    )


def random_documents() -> list[Document]:
    """Fifty documents over few odd values, the same in each run."""
    draw = random.Random(7)

    def some() -> tuple[str, ...]:
        return tuple(sorted(draw.sample(_VALUES, draw.randint(0, 2))))

    return [
        make_document(
            key,
            draw.choice(_VALUES),
            leaf="x",
            asset_class=draw.choice(_VALUES),
            kind=draw.choice(_VALUES),
            platform=draw.choice(_VALUES),
            namespace=draw.choice(_VALUES),
            source=draw.choice((None, *_VALUES)),
            tags=some(),
            owners=some(),
            classifications=some(),
            domains=some(),
        )
        for key in range(1, 51)
    ]


def fill(engine: SearchEngine, documents: Iterable[Document]) -> None:
    """A new index of these documents."""
    with engine.rebuild(START) as batch:
        batch.add(documents)


def found(engine: SearchEngine, query: Query | str) -> list[int]:
    """Keys of the hits."""
    query = Query(query, limit=100) if isinstance(query, str) else query
    return [hit.key for hit in engine.search(query).hits]


def facet(engine: SearchEngine, query: Query, name: str) -> Mapping[str, int]:
    """Value -> count."""
    return {one.value: one.count for one in engine.search(query).facets[name]}
