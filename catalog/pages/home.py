"""The home page: the question first, then what was looked at, is used, changed and is one's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from catalog.access import people
from catalog.access.accounts import person_value
from catalog.assets import changes, listing, recent
from catalog.assets.changes import FeedFilter
from catalog.errors import Unavailable
from catalog.pages.foot import standings
from catalog.pages.frame import page
from catalog.pages.stories import tell
from catalog.search.engine import Query
from catalog.search.page import HitView, search
from catalog.serving.call import Call, CallArg
from catalog.serving.routing import Router
from catalog.sources import holds
from catalog.usecases import connecting

router = Router("", "pages")
SHOWN: Final = 6


@dataclass(frozen=True)
class Kind:
    """A kind of asset and how many there are."""

    kind: str
    count: int


@router.get("/", include_in_schema=False)
def home(call: CallArg) -> Response:
    """Home, or the first steps while there is no source."""
    standing = standings(call).of(call)
    if not standing.sources and not standing.glance.total:
        return _first(call)
    with call.read() as session:
        connection = session.connection()
        mine, owner = _mine(connection, call)
        viewed = recent.recent(
            connection, call.viewer, call.state.recents.pending(call.viewer), SHOWN
        )
        changed = changes.feed(
            connection, call.viewer, FeedFilter(machine=False, subject_type=("asset",)), limit=SHOWN
        )
        stories = tell(session, call.viewer, changed.items)
        waiting = holds.list_holds(session, call.viewer, limit=1).total
        popular = _popular(call, session)
    glance = standing.glance
    return page(
        call,
        "home/home.html",
        glance=glance,
        kinds=[Kind(kind, count) for kind, count in glance.kinds.items()],
        sources=standing.sources,
        popular=popular,
        viewed=viewed,
        stories=stories,
        mine=mine,
        owner=owner,
        waiting=waiting if call.viewer.may("hold") else 0,
    )


def _mine(connection: Any, call: Call) -> tuple[Any, str | None]:
    """The first assets that the viewer owns, and the value to search the others by."""
    if call.viewer.person is None:
        return None, None
    owner = person_value(people.person_uid(connection, call.viewer.person))
    wanted = listing.Filter(owner=(owner,))
    return listing.assets(connection, call.viewer, wanted, limit=SHOWN), owner


def _popular(call: Call, session: Any) -> list[HitView]:
    try:
        found = search(
            session, call.catalog.engine, call.viewer, Query(sort="popularity", limit=SHOWN)
        )
    except Unavailable:  # the index is being rebuilt, and the foot says so
        return []
    return [hit for hit in found.items if hit.popularity]


def _first(call: Call) -> Response:
    kinds = connecting.list_kinds(call.viewer) if call.viewer.may("source") else ()
    return page(call, "home/first.html", kinds=kinds)
