"""Search: words, facets, results and a preview. Every state is an address; all of it is one form.

The module ``search.js`` fetches the same addresses and replaces parts of the page; nothing here
knows whether it runs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, Final, Literal

from fastapi import Query as Param
from sqlalchemy import Connection
from starlette.responses import Response

from catalog.assets.people import names_of
from catalog.errors import Ambiguous, BadInput, NotFound, Unavailable
from catalog.pages import hits
from catalog.pages.frame import fragment, page
from catalog.pages.preview import Preview, preview_of
from catalog.pages.suggest import OPEN_WORD, options
from catalog.pages.texts import kind_name, platform_name, query
from catalog.search.engine import FACETS, MAX_OFFSET, Query, Sort
from catalog.search.page import SearchPage, search
from catalog.serving.call import Call, CallArg
from catalog.serving.routing import Router
from catalog.usecases import why as reasons

router = Router("/search", "pages")
SHOWN: Final = 20
FACET_SHOWN: Final = 8
"""Values of a facet in sight; the others are one click away."""
REASONS_SHOWN: Final = 6
TITLES: Final = {
    "kind": "Kind",
    "platform": "Platform",
    "source": "Source",
    "owner": "Owner",
    "tag": "Tag",
    "flag": "Trust",
    "classification": "Column class",
}
SORTS: Final = (("relevance", "Best match"), ("popularity", "Most used"), ("name", "Name"))
Values = Annotated[list[str], Param()]


@dataclass(frozen=True)
class Asked:
    """One state of the page. ``filters``: facet -> values, those without a value left out."""

    q: str = ""
    filters: tuple[tuple[str, tuple[str, ...]], ...] = ()
    sort: Sort = "relevance"
    page: int = 1
    preview: str = ""

    def url(self, **changes: Any) -> str:
        """The address of this state, or of one that differs."""
        to = replace(self, **changes)
        values: dict[str, Any] = {"q": to.q, **{name: list(kept) for name, kept in to.filters}}
        values["sort"] = None if to.sort == "relevance" else to.sort
        values["page"] = None if to.page == 1 else to.page
        values["preview"] = to.preview
        text = query(values)
        return f"/search?{text}" if text else "/search"

    def without(self, facet: str, value: str) -> str:
        """The address with one filter less."""
        kept = [
            (name, tuple(one for one in values if (name, one) != (facet, value)))
            for name, values in self.filters
        ]
        return self.url(filters=tuple(pair for pair in kept if pair[1]), page=1, preview="")

    @property
    def query(self) -> Query:
        """What to ask the index."""
        return Query(
            text=self.q,
            filters=dict(self.filters),
            facets=FACETS,
            sort=self.sort,
            offset=(self.page - 1) * SHOWN,
            limit=SHOWN,
        )


@dataclass(frozen=True)
class Value:
    """One value of a facet."""

    value: str
    label: str
    count: int
    chosen: bool


@dataclass(frozen=True)
class Facet:
    """A facet's values: those in sight and the rest."""

    name: str
    title: str
    values: list[Value]
    more: list[Value]
    open: bool


@dataclass(frozen=True)
class Chip:
    """An active filter and the address without it."""

    text: str
    url: str


TELLING: Final = ("removed", "held", "failed", "filtered")
"""Reasons that are said above results that merely look like the name that was asked for."""


@dataclass(frozen=True)
class Empty:
    """Why nothing was found. ``anyway``: how many there are without the filters."""

    reasons: list[reasons.Reason]
    more: int
    asset: str | None
    candidates: list[Any]
    anyway: int


@router.get("", include_in_schema=False)
def show(
    call: CallArg,
    q: str = "",
    kind: Values = [],  # noqa: B006
    platform: Values = [],  # noqa: B006
    source: Values = [],  # noqa: B006
    owner: Values = [],  # noqa: B006
    tag: Values = [],  # noqa: B006
    flag: Values = [],  # noqa: B006
    classification: Values = [],  # noqa: B006
    sort: Literal["relevance", "name", "popularity"] = "relevance",
    page: Annotated[int, Param(ge=1, le=MAX_OFFSET // SHOWN + 1)] = 1,
    preview: str = "",
) -> Response:
    """The page."""
    given = (kind, platform, source, owner, tag, flag, classification)
    filters = zip(FACETS, given, strict=True)
    kept = tuple((name, tuple(dict.fromkeys(values))) for name, values in filters if values)
    asked = Asked(q.strip(), kept, sort, page, preview)
    try:
        return _found(call, asked)
    except (BadInput, Unavailable) as error:
        return _refused(call, asked, error)


@router.get("/suggest", include_in_schema=False)
def suggest(call: CallArg, q: str = "") -> Response:
    """Options for what is typed so far."""
    return fragment(call, "search/suggest.html", options=options(call, q))


@router.get("/preview", include_in_schema=False)
def preview(call: CallArg, id: str, q: str = "") -> Response:
    """The preview of one hit, for the module that shows it on focus."""
    with call.read() as session:
        found = preview_of(session.connection(), call.viewer, id, q)
    return fragment(call, "search/preview.html", preview=found)


def _found(call: Call, asked: Asked) -> Response:
    with call.read() as session:
        connection = session.connection()
        found, begun = _search(call, session, asked)
        empty = None
        if not found.items and asked.page == 1:
            empty = _empty(call, session, asked)
        shown = hits.shown(found.items, begun or asked.q)
        seen = _preview(call, connection, asked, found)
        named = _missing(call, connection, asked, found) if found.items else None
        labels = _labels(connection, asked, found)
    return _page(
        call,
        asked,
        found=found,
        hits=shown,
        preview=seen,
        missing=named,
        begun=begun is not None,
        facets=_facets(asked, found, labels),
        chips=_chips(asked, labels),
        empty=empty,
        problem=None,
    )


def _search(call: Call, session: Any, asked: Asked) -> tuple[SearchPage, str | None]:
    """What fits; when nothing has all words, what has a word that begins like the last one, with
    the text that says so: a word that is still being typed finds something."""
    found = search(session, call.catalog.engine, call.viewer, asked.query)
    if (found.items and not found.fallback) or not OPEN_WORD.search(asked.q):
        return found, None
    text = f"{asked.q}*"
    wide = search(session, call.catalog.engine, call.viewer, replace(asked.query, text=text))
    if wide.items and not wide.fallback:
        return wide, text
    return found, None


def _refused(call: Call, asked: Asked, error: BadInput | Unavailable) -> Response:
    """The page that keeps what was typed and says what is wrong with it."""
    with call.read() as session:
        labels = _labels(session.connection(), asked, None)
    return _page(
        call,
        asked,
        status=400 if isinstance(error, BadInput) else 503,
        found=None,
        hits=[],
        preview=None,
        missing=None,
        begun=False,
        facets=_facets(asked, None, labels),
        chips=_chips(asked, labels),
        empty=None,
        problem=error,
    )


def _page(call: Call, asked: Asked, *, status: int = 200, **values: Any) -> Response:
    return page(
        call, "search/search.html", here="/browse", status=status, asked=asked,
        sorts=SORTS, shown=SHOWN, last=MAX_OFFSET // SHOWN + 1, **values,
    )  # fmt: skip


def _preview(call: Call, connection: Connection, asked: Asked, found: SearchPage) -> Preview | None:
    """Of the hit that was chosen, else of the first; one that is no hit (any more) is none."""
    there = [hit.id for hit in found.items]
    if not there:
        return None
    chosen = asked.preview if asked.preview in there else there[0]
    return preview_of(connection, call.viewer, chosen, asked.q)


# --- facets and chips -----------------------------------------------------------------------


def _labels(
    connection: Connection, asked: Asked, found: SearchPage | None
) -> dict[tuple[str, str], str]:
    """(facet, value) -> what to call it; also of chosen values that no hit has."""
    labels: dict[tuple[str, str], str] = {}
    chosen = dict(asked.filters)
    owners = names_of(connection, chosen.get("owner", ()))
    for name, values in chosen.items():
        for value in values:
            labels[name, value] = (
                owners.owner(value).name if name == "owner" else _label(name, value)
            )
    for name, counts in (found.facets if found else {}).items():
        for one in counts:
            labels[name, one.value] = one.label if name == "owner" else _label(name, one.value)
    return labels


def _label(facet: str, value: str) -> str:
    if facet == "kind":
        return kind_name(value).capitalize()
    if facet == "platform":
        return platform_name(value)
    if facet == "flag":
        return "No flag" if value == "none" else value.capitalize()
    return value


def _facets(
    asked: Asked, found: SearchPage | None, labels: dict[tuple[str, str], str]
) -> list[Facet]:
    chosen = dict(asked.filters)
    made = []
    for name in FACETS:
        counts = {one.value: one.count for one in (found.facets.get(name, ()) if found else ())}
        wanted = chosen.get(name, ())
        counts |= {value: 0 for value in wanted if value not in counts}
        values = [
            Value(value, labels[name, value], count, value in wanted)
            for value, count in counts.items()
        ]
        first, rest = values[:FACET_SHOWN], values[FACET_SHOWN:]
        first += [one for one in rest if one.chosen]
        rest = [one for one in rest if not one.chosen]
        if values:
            made.append(Facet(name, TITLES[name], first, rest, bool(wanted) or name != "tag"))
    return made


def _chips(asked: Asked, labels: dict[tuple[str, str], str]) -> list[Chip]:
    return [
        Chip(f"{TITLES[name]} is {labels[name, value]}", asked.without(name, value))
        for name, values in asked.filters
        for value in values
    ]


# --- nothing found --------------------------------------------------------------------------


def _empty(call: Call, session: Any, asked: Asked) -> Empty:
    """What is known about the words as a name, and how many the filters keep away."""
    anyway = 0
    if asked.filters:
        wide = Query(text=asked.q, limit=1)
        found = search(session, call.catalog.engine, call.viewer, wide)
        anyway = found.total if found.total is not None else found.at_least or 0
    told: list[reasons.Reason] = []
    asset, candidates = None, []
    if asked.q and not anyway:
        try:
            found_why = reasons.why(session.connection(), call.viewer, asked.q)
            told, asset = found_why.reasons, found_why.asset
        except Ambiguous as error:
            candidates = list(error.details.get("candidates", ()))
        except (BadInput, NotFound):
            told = []
    return Empty(told[:REASONS_SHOWN], max(0, len(told) - REASONS_SHOWN), asset, candidates, anyway)


def _missing(
    call: Call, connection: Connection, asked: Asked, found: SearchPage
) -> reasons.Reason | None:
    """Why what looks like a full name is none of the hits, when something telling is known."""
    q = asked.q
    if asked.page > 1 or asked.filters or " " in q or not ("." in q or "/" in q):
        return None
    if any(hit.name == q or f"{hit.source}.{hit.name}" == q for hit in found.items):
        return None
    try:
        told = reasons.why(connection, call.viewer, q)
    except (Ambiguous, BadInput, NotFound):
        return None
    first = told.reasons[0] if told.reasons else None
    return first if first is not None and first.code in TELLING else None
