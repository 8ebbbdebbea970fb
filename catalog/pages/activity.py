"""Activity: what changed, who did it and why, as far as the viewer may see it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Query
from starlette.responses import Response

from catalog.access import people
from catalog.assets import changes
from catalog.assets.changes import FeedFilter
from catalog.pages.foot import standings
from catalog.pages.frame import page
from catalog.pages.stories import Story, tell
from catalog.serving.call import Call, CallArg
from catalog.serving.routing import Router

router = Router("", "pages")
SHOWN: Final = 60
FOLDED: Final = 3
Text = Annotated[str, Query(max_length=300)]

WHAT: Final = (
    ("written", "What people wrote",
     ("asset",), ("description", "title", "owner", "tag", "flag")),
    ("columns", "Columns and details",
     ("asset",), ("schema", "metadata", "kind", "definition", "sighting")),
    ("come", "Found and gone",
     ("asset",), ("created", "referenced", "observed", "crawled", "restored", "found", "removed",
                  "withdrawn", "held", "renamed", "recreated", "moved", "merged", "dropped",
                  "purged")),
    ("lineage", "Lineage", ("asset",), ("lineage",)),
    ("use", "Use and size", ("asset",), ("popularity", "rows_class")),
    ("problems", "Problems muted", ("problem",), ()),
)  # fmt: skip
ADMIN_WHAT: Final = (
    ("sources", "Sources and namespaces", ("source", "namespace"), ()),
    ("people", "Users, teams and tokens", ("user", "person", "team", "account", "token"), ()),
)


@dataclass(frozen=True)
class Group:
    """Changes that one actor made at one time in one way, told as one when there are many."""

    stories: tuple[Story, ...]

    @property
    def first(self) -> Story:
        """The newest."""
        return self.stories[0]

    @property
    def folded(self) -> bool:
        """Whether it is told as one."""
        return len(self.stories) > FOLDED


@router.get("/activity", include_in_schema=False)
def activity(
    call: CallArg,
    source: Text = "",
    kind: Text = "",
    who: Text = "",
    what: Text = "",
    only: Text = "",
    cursor: Annotated[str, Query(max_length=4000)] = "",
) -> Response:
    """The feed. ``only=people`` leaves out what crawls and the catalog itself wrote."""
    standing = standings(call).of(call)
    choices = _choices(call)
    with call.read() as session:
        actors = people.actors_of(session, call.viewer, who) if who.strip() else None
        wanted = _wanted(choices, source, kind, actors, what, only)
        found = changes.feed(
            session.connection(), call.viewer, wanted, limit=SHOWN, cursor=cursor or None
        )
        stories = tell(session, call.viewer, found.items)
    given = {"source": source, "kind": kind, "who": who, "what": what, "only": only}
    return page(
        call,
        "activity/activity.html",
        here="/activity",
        groups=grouped(stories),
        given=given,
        narrowed=any(given.values()),
        next=found.next,
        cursor=cursor,
        sources=standing.sources,
        kinds=sorted(standing.glance.kinds),
        choices=choices,
    )


def grouped(stories: Iterable[Story]) -> list[Group]:
    """Neighbours of one actor, moment, verb and noun together."""
    found: list[list[Story]] = []
    for one in stories:
        last = found[-1][0] if found else None
        if last is not None and _alike(last, one):
            found[-1].append(one)
        else:
            found.append([one])
    return [Group(tuple(one)) for one in found]


def _alike(last: Story, one: Story) -> bool:
    return (last.change.actor, last.at, last.did, last.noun, last.why) == (
        one.change.actor,
        one.at,
        one.did,
        one.noun,
        one.why,
    )


def _choices(call: Call) -> tuple[Any, ...]:
    return WHAT + ADMIN_WHAT if call.viewer.may("settings") else WHAT


def _wanted(
    choices: tuple[Any, ...],
    source: str,
    kind: str,
    actors: tuple[str, ...] | None,
    what: str,
    only: str,
) -> FeedFilter:
    subjects, words = next(
        ((subjects, words) for name, _, subjects, words in choices if name == what), ((), ())
    )
    return FeedFilter(
        source=(source,) if source else (),
        kind=(kind,) if kind else (),
        actor=actors or (),
        what=words,
        subject_type=subjects,
        machine=only != "people",
    )
