"""Editing what people know: title, description, owners, tags, one's own flag.

``/assets/{id}/edit`` is a plain form that works without scripts; `edit.js` fetches a part of it
(``part=yes``) into the place that it is about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, Final

from fastapi import Form, Path
from pydantic import BaseModel, Field
from sqlalchemy import Connection
from starlette.responses import Response

from catalog.access.people import list_persons
from catalog.access.teams import list_teams
from catalog.access.viewer import Viewer
from catalog.assets.columns import one_column
from catalog.assets.reading import read as read_asset
from catalog.assets.resolve import resolve_id
from catalog.assets.views import AssetView, ColumnView, Flag
from catalog.curation import edit as curation
from catalog.curation.patch import DESCRIPTION_LENGTH, TITLE_LENGTH, FactPatch
from catalog.errors import Ambiguous, BadInput, CatalogError, NotAllowed, Precondition
from catalog.history.unit import Unit
from catalog.pages import edit_form
from catalog.pages.edit_form import FIELDS, Clash, Given, Values
from catalog.pages.frame import fragment, go, local_path, page, status_of
from catalog.pages.texts import column_path
from catalog.serving.call import Call, CallArg
from catalog.serving.routing import Router
from catalog.types import OWNER_ROLES

router = Router("", "pages")
AssetId = Annotated[str, Path()]
PEOPLE_OFFERED: Final = 500
TRIES: Final = 3
ROLE_NAMES: Final = {role: role.capitalize() for role in OWNER_ROLES}


class Text(BaseModel):
    """Markdown to look at before it is saved."""

    text: str = Field(default="", max_length=100_000)


@dataclass(frozen=True)
class Editing:
    """What the form is about. ``target``: the asset or one of its columns; ``written``: what
    people wrote of it, with its ``etag``; ``mine``: the viewer's own flag."""

    view: AssetView
    target: AssetView | ColumnView
    column: str | None
    written: dict[str, Any]
    etag: str
    mine: Flag | None
    people: tuple[str, ...]

    @property
    def home(self) -> str:
        """The page to go back to."""
        if self.column is None:
            return f"/assets/{self.view.id}"
        return column_path(self.view.id, self.column)

    @property
    def done(self) -> str:
        """Where saving leads: a column is described in the list, one after the other."""
        return self.home if self.column is None else f"/assets/{self.view.id}/columns"


@dataclass(frozen=True)
class Shown:
    """The form: which fields, what stands in them, what was wrong, what clashed."""

    fields: tuple[str, ...]
    focus: str
    values: Values
    seen: str
    part: bool = False
    next: str = ""
    error: CatalogError | None = None
    clashes: tuple[Clash, ...] = ()
    preview: str | None = None


@router.post("/preview", action="read", include_in_schema=False)
def preview(call: CallArg, given: Annotated[Text, Form()]) -> Response:
    """Markdown as it will look."""
    return fragment(call, "edit/preview.html", text=given.text)


@router.get("/assets/{id}/edit", action="flag", include_in_schema=False)
def show(
    call: CallArg,
    id: AssetId,
    column: str | None = None,
    field: str | None = None,
    part: str | None = None,
    next: str | None = None,
) -> Response:
    """The form; ``field`` has the focus, and as a part it stands alone."""
    editing = _read(call, id, column or None)
    may = FIELDS if call.viewer.may("edit") else ()
    wanted = (field,) if part and field in (*may, "flag") else (*may, "flag")
    values = edit_form.values_of(editing.target, editing.mine)
    shown = Shown(
        fields=tuple(str(name) for name in wanted),
        focus=field or (wanted[0] or ""),
        values=values,
        seen=edit_form.seen_of(values, editing.written),
        part=bool(part),
        next=local_path(next) if next else "",
    )
    return _form(call, editing, shown)


@router.post("/assets/{id}/edit", action="flag", include_in_schema=False)
def save(call: CallArg, id: AssetId, given: Annotated[Given, Form()]) -> Response:
    """Writes what the person changed; a clash with another's edit shows both."""
    column = given.column or None
    editing = _read(call, id, column)
    done = local_path(given.next) if given.next else editing.done
    if given.do == "preview":
        return _again(call, editing, given, preview=given.description)
    try:
        patch = edit_form.patch_of(given, editing.mine is not None)
        if not patch.named:
            return go(call, done, "Nothing was changed.")
        written = _write(call, id, column, patch, given)
    except Precondition as error:
        return _clash(call, id, given, error)
    except NotAllowed:
        raise
    except (BadInput, Ambiguous) as error:
        return _again(call, editing, given, error=error)
    return go(call, done, _sentence(editing, written))


def _write(
    call: Call, id: str, column: str | None, patch: FactPatch, given: Given
) -> tuple[str, ...]:
    """One unit of work. Somebody who wrote another field meanwhile is in nobody's way."""
    etag: str | None = given.etag or None
    if patch.named == {"flag"}:
        etag = None  # one's own flag is in nobody's way
    for left in reversed(range(TRIES)):
        work = partial(_edit, call, id, column, patch, etag)
        try:
            found: curation.EditResult = call.write(work)
            return found.changed
        except Precondition as error:
            if not left or edit_form.clashing(patch, given, error.details["current"]):
                raise
            etag = str(error.details["etag"])
    raise AssertionError("unreachable")


def _edit(
    call: Call, id: str, column: str | None, patch: FactPatch, etag: str | None, unit: Unit
) -> curation.EditResult:
    return curation.edit(unit, call.viewer, id, column, patch, if_match=etag)


def _sentence(editing: Editing, changed: tuple[str, ...]) -> str:
    what = editing.column or editing.view.label
    words = {"owner": "owners", "tag": "tags"}
    if not changed:
        return f"Nothing was changed of {what}."
    return f"Saved: {', '.join(words.get(one, one) for one in changed)} of {what}."


# --- showing --------------------------------------------------------------------------------


def _read(call: Call, id: str, column: str | None) -> Editing:
    with call.read() as session:
        connection = session.connection()
        match = resolve_id(connection, call.viewer, id)
        view = read_asset(connection, call.viewer, match, columns_shown=1)
        target: AssetView | ColumnView = view
        if column is not None:
            target = one_column(connection, call.viewer, match, column)
            column = target.path
        written = curation.read(session, call.viewer, match.id, column)
        mine = own_flag(connection, call.viewer, target.flags)
        people = _people(call, session) if call.viewer.may("edit") else ()
    return Editing(view, target, column, written.current, written.etag, mine, people)


def own_flag(connection: Connection, viewer: Viewer, flags: Sequence[Flag]) -> Flag | None:
    """The viewer's own among the flags."""
    own = curation.flag_item(connection, viewer)
    return next((flag for flag in flags if flag.by == own), None)


def _people(call: Call, session: Any) -> tuple[str, ...]:
    """Names to offer while an owner is typed."""
    names = [one.name for one in list_teams(session, call.viewer)]
    names += [one.name for one in list_persons(session, call.viewer)]
    return tuple(dict.fromkeys(names))[:PEOPLE_OFFERED]


def _form(call: Call, editing: Editing, shown: Shown) -> Response:
    values: dict[str, Any] = {"editing": editing, "shown": shown, "roles": ROLE_NAMES}
    values |= {"longest": {"title": TITLE_LENGTH, "description": DESCRIPTION_LENGTH}}
    status = status_of(shown.error)
    if shown.part:
        found = fragment(call, "edit/part.html", **values)
        found.status_code = status
        return found
    return page(call, "edit/edit.html", here="/browse", status=status, **values)


def _again(
    call: Call,
    editing: Editing,
    given: Given,
    *,
    error: CatalogError | None = None,
    preview: str | None = None,
) -> Response:
    """The form with what the person typed; what they had seen stays what they had seen."""
    there = edit_form.values_of(editing.target, editing.mine)
    typed = replace(
        there,
        title=given.title if "title" in given.fields() else there.title,
        description=given.description if "description" in given.fields() else there.description,
        tags=given.tags if "tags" in given.fields() else there.tags,
        drop=tuple(given.drop),
        add_owner=given.add_owner,
        add_role=given.add_role,
        kind=given.kind if "flag" in given.fields() else there.kind,
        reason=given.reason if "flag" in given.fields() else there.reason,
    )
    shown = Shown(
        fields=given.fields(),
        focus=given.fields()[0] if given.fields() else "",
        values=typed,
        seen=given.seen,
        part=bool(given.part),
        next=given.next,
        error=error,
        preview=preview,
    )
    return _form(call, replace(editing, etag=given.etag or editing.etag), shown)


def _clash(call: Call, id: str, given: Given, error: Precondition) -> Response:
    """Both values side by side; what is saved next is judged against today's."""
    editing = _read(call, id, given.column or None)
    theirs = edit_form.values_of(editing.target, editing.mine)
    patch = edit_form.patch_of(given, editing.mine is not None)
    names = edit_form.clashing(patch, given, editing.written)
    mine = {
        name: getattr(given, name)
        for name in ("title", "description", "tags")
        if name in patch.named and getattr(patch, name) is not None
    }
    shown = Shown(
        fields=tuple(name for name in given.fields() if name in patch.named),
        focus=names[0] if names else "",
        values=replace(theirs, **mine, add_owner=given.add_owner, add_role=given.add_role),
        seen=edit_form.seen_of(theirs, editing.written),
        part=bool(given.part),
        next=given.next,
        error=error,
        clashes=tuple(edit_form.clashes(names, patch, theirs)),
    )
    return _form(call, editing, shown)
