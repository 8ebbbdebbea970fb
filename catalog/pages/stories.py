"""Changes as sentences: who did what to what, old and new, and why.

Facts stay in the change, words are chosen here: ``who did subject rest``, then `Line`s with the
values that differ. Every word that the product writes to the change log has its sentence; an
unknown one is told by its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection
from sqlmodel import Session

from catalog.access.viewer import Viewer
from catalog.assets.people import NOBODY, Names, names_of
from catalog.assets.views import ChangeView
from catalog.pages.story_tellers import TELLERS, Told, value_of
from catalog.pages.story_words import Line, because, lines_of, person
from catalog.sources.crawl_reads import seen_crawls
from catalog.sources.reads import list_sources

DID: Final[Mapping[tuple[str, str], str]] = {
    ("asset", "created"): "found",
    ("asset", "referenced"): "noted a reference to",
    ("asset", "observed"): "learned of",
    ("asset", "crawled"): "saw for the first time",
    ("asset", "restored"): "found again",
    ("asset", "found"): "saw again",
    ("asset", "removed"): "removed",
    ("asset", "withdrawn"): "lost sight of",
    ("asset", "held"): "missed",
    ("asset", "renamed"): "renamed",
    ("asset", "recreated"): "found created anew",
    ("asset", "kind"): "found another kind of thing in",
    ("asset", "moved"): "found in another place",
    ("asset", "merged"): "joined another asset with",
    ("asset", "dropped"): "joined with another asset",
    ("asset", "purged"): "deleted for good",
    ("asset", "schema"): "found other columns in",
    ("asset", "metadata"): "found other details of",
    ("asset", "sighting"): "read another report of",
    ("asset", "definition"): "read the definition of",
    ("asset", "lineage"): "traced the lineage of",
    ("asset", "popularity"): "counted the use of",
    ("asset", "rows_class"): "counted the rows of",
    ("asset", "description"): "described",
    ("asset", "title"): "gave a title to",
    ("asset", "owner"): "changed the owners of",
    ("asset", "tag"): "tagged",
    ("asset", "flag"): "flagged",
    ("statement", "statement"): "collected",
    ("namespace", "renamed"): "renamed",
    ("namespace", "merged"): "joined",
    ("account", "created"): "noted",
    ("account", "joined"): "joined to a person",
    ("account", "separated"): "took from its person",
    ("person", "created"): "added",
    ("person", "updated"): "changed",
    ("team", "created"): "made",
    ("team", "updated"): "changed",
    ("team", "removed"): "removed",
    ("team", "member"): "changed who belongs to",
    ("user", "created"): "added",
    ("user", "role"): "changed the role of",
    ("user", "disabled"): "disabled",
    ("user", "password"): "set the password of",
    ("user", "login_link"): "made a login link for",
    ("user", "removed"): "removed",
    ("token", "created"): "made",
    ("token", "revoked"): "revoked",
    ("token", "scopes"): "changed what may",
    ("source", "created"): "added",
    ("source", "revived"): "brought back",
    ("source", "edited"): "changed",
    ("source", "renamed"): "renamed",
    ("source", "paused"): "paused",
    ("source", "resumed"): "resumed",
    ("source", "removed"): "removed",
    ("source", "purged"): "deleted for good",
    ("problem", "muted"): "muted",
    ("problem", "unmuted"): "no longer mutes",
}
_ACTORS: Final = {"crawl": "A crawl", "system": "The catalog", "local": "An operator"}
_QUOTED: Final = ("description", "title")
_NO_LINES: Final = {
    ("user", "created"), ("user", "login_link"), ("user", "password"), ("user", "removed"),
    ("user", "disabled"), ("source", "paused"), ("source", "resumed"), ("token", "created"),
    ("token", "revoked"), ("asset", "definition"), ("asset", "sighting"), ("asset", "removed"),
    ("asset", "found"), ("asset", "restored"), ("asset", "crawled"), ("asset", "purged"),
    ("asset", "dropped"), ("asset", "recreated"), ("source", "removed"), ("team", "created"),
    ("team", "removed"), ("account", "created"), ("asset", "lineage"), ("asset", "withdrawn"),
    ("source", "purged"), ("team", "member"),
}  # fmt: skip


@dataclass(frozen=True)
class Story:
    """``who`` ``did`` ``subject`` ``rest``; then ``detail``, what was written, in quotes.

    ``asset``: public id where there is one; ``crawl``: id of the crawl that did it; ``noun``:
    what the subject is, when it is no asset; ``lines``: values that differ; ``why``: the cause.
    """

    sequence: int
    at: str
    who: str
    machine: bool
    crawl: str | None
    did: str
    noun: str
    subject: str
    asset: str | None
    column: str | None
    rest: str
    detail: str | None
    lines: tuple[Line, ...]
    why: str | None
    change: ChangeView


def tell(session: Session, viewer: Viewer, changes: Iterable[ChangeView]) -> list[Story]:
    """One story per change, in their order, with people, tokens and sources by their names.

    A crawl that is gone, or of a source that the viewer does not know of, is no link.
    """
    found = list(changes)
    names = names_in(session.connection(), found)
    crawls = seen_crawls(session.connection(), viewer, map(crawl_of, (one.actor for one in found)))
    sources = {}
    if any(one.subject_type == "source" for one in found):
        sources = {one.id: one.name for one in list_sources(session, viewer, removed=True)}
    told = [story(one, names, sources) for one in found]
    return [one if one.crawl in crawls else replace(one, crawl=None) for one in told]


def crawl_of(actor: str) -> str:
    """The id of the crawl that an actor is; empty when it is none."""
    family, _, crawl = actor.partition(":")
    return crawl if family == "crawl" else ""


def story(
    change: ChangeView, names: Names = NOBODY, sources: Mapping[str, str] | None = None
) -> Story:
    """The story of one change."""
    family = change.actor.partition(":")[0]
    key = (change.subject_type, change.what)
    did, rest, detail = _sentence(change, names)
    quoted = change.what in _QUOTED and change.subject_type == "asset"
    lines: list[Line] = []
    if key not in _NO_LINES and not (quoted and change.before is None):
        lines = _lines(change, names)
    return Story(
        sequence=change.sequence,
        at=change.at,
        who=who_of(change.actor, change.actor_name),
        machine=family in ("crawl", "system"),
        crawl=crawl_of(change.actor) or None,
        did=did,
        noun="" if change.asset else change.subject_type,
        subject=_subject(change, names, sources or {}),
        asset=change.asset_id,
        column=change.column,
        rest=rest,
        detail=detail,
        lines=tuple(lines),
        why=because(change.cause),
        change=change,
    )


def who_of(actor: str, name: str | None) -> str:
    """What to call an actor: by name; crawls, tokens and the catalog by what they are."""
    family = actor.partition(":")[0]
    if family == "system":
        return _ACTORS[family]
    if family == "token" and name:
        return f"The token {name}"
    return name or _ACTORS.get(family, actor)


def names_in(connection: Connection, changes: Iterable[ChangeView]) -> Names:
    """Names of all who are named in changes."""
    return names_of(connection, _references(changes))


def _references(changes: Iterable[ChangeView]) -> set[str]:
    """Who is named in changes: subjects, owners, and persons of teams."""
    found = set()
    for change in changes:
        found.add(f"{change.subject_type}:{change.subject}")
        for side in (change.before, change.after):
            if isinstance(side, dict):
                for name in ("owner", "by"):
                    found.add(str(side.get(name)))
                found.add(f"person:{side.get('person')}")
    return found


def _subject(change: ChangeView, names: Names, sources: Mapping[str, str]) -> str:
    if change.asset is not None:
        return change.asset.rsplit("/", 1)[-1]
    for side in (change.before, change.after):
        if isinstance(side, dict):
            for name in ("name", "login"):
                if isinstance(side.get(name), str):
                    return str(side[name])
    if change.subject_type == "source" and change.subject in sources:
        return sources[change.subject]
    if change.subject_type == "namespace":
        return str(value_of(change.before, "text") or change.subject)
    if change.subject_type == "account":
        known = value_of(change.after, "owner") or value_of(change.before, "owner")
        return person(known, names)
    known_name = names.actor(f"{change.subject_type}:{change.subject}")
    return known_name or ""


def _sentence(change: ChangeView, names: Names) -> Told:
    did = DID.get((change.subject_type, change.what), change.what.replace("_", " "))
    teller = TELLERS.get((change.subject_type, change.what))
    if teller is None:
        return did, "", None
    return teller(did, change.before, change.after, names)


def _lines(change: ChangeView, names: Names) -> list[Line]:
    before, after = change.before, change.after
    if change.subject_type == "asset" and change.what in ("tag", "owner", "flag"):
        return []
    return lines_of(before, after, leave=("secret", "password", "id", "into"), names=names)
