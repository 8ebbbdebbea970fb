"""Names as people have them -> the one visible asset that is meant.

Forms, in this order; the first that fits anything decides, exact spelling before folded:

==============  =====================================================================
``id``          the public id, also one that a merge dropped
``name``        canonical ``namespace/name``, or the pair
``folded``      the same in another case, where the platform folds case
``alias``       a former name, a symlink, a stored URN or fully qualified name
``urn``         a DataHub URN that was not stored: platform and name
``model_uri``   ``models:/churn/3``, ``models:/churn@champion``
``source``      ``SOURCE.rest`` with the short name of a source that saw it
``location``    a file, partition or folder: the longest path that is a dataset
``suffix``      the last parts of exactly one name: ``public.orders`` or ``orders``
==============  =====================================================================

Removed assets are found by id, name and alias, and say that they are removed; assets that are
only referenced by exact forms. What the viewer may not see is as if it were not there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from catalog.access.viewer import Viewer
from catalog.assets import forms, suggest
from catalog.assets.rows import Row, candidate
from catalog.assets.spelling import Pair, pairs, with_columns
from catalog.errors import Ambiguous, BadInput, NotFound
from catalog.naming import canonical, clean_text, id_text, leaf, normalize_namespace
from catalog.types import CLASSES

MOST_CANDIDATES: Final = 20
LONGEST_NAME: Final = 20_000  # characters

Spellings = Sequence[tuple[str, str | None]]
Hits = list[tuple[Row, str | None]]
"""Rows that fit, each with the column that was meant behind ``#``."""


@dataclass(frozen=True)
class Match:
    """The asset that a name means.

    ``key``: the store's integer, for further queries, never shown. ``column``: the field path
    that was asked for, as it was written (`catalog.assets.columns.named_column` looks it up).
    ``row``: the asset's row (`catalog.assets.rows`).
    """

    key: int
    uid: bytes
    matched_by: str
    column: str | None
    row: Row

    @property
    def id(self) -> str:
        """The public id."""
        return id_text(self.uid)

    @property
    def version(self) -> str | None:
        """The model's version, when the name is ``model/version``."""
        return leaf(self.row.name, "registry") if self.row.kind == "model_version" else None

    @property
    def name(self) -> str:
        """The canonical name."""
        return canonical(self.row.text, self.row.name)


def resolve(
    connection: Connection,
    viewer: Viewer,
    name: str,
    *,
    namespace: str | None = None,
    asset_class: str | None = None,
    column: str | None = None,
) -> Match:
    """The one visible asset that ``name`` means (with ``namespace``: exactly that pair).

    ``asset_class`` leaves out assets of other classes. Raises `BadInput`, `NotFound` with
    ``did_you_mean`` and `Ambiguous` with ``candidates`` (lists of `views.Candidate`).
    """
    _check(name, namespace, asset_class)
    name = clean_text(name)
    if namespace is not None:
        return _pair(connection, viewer, normalize_namespace(namespace), name, asset_class, column)
    spellings: Spellings = [(name, None)] if column is not None else with_columns(name)
    for matched_by, form in _FORMS:
        hits = _of_class(form(connection, viewer, spellings), asset_class)
        if hits:
            return _one(hits, _called(matched_by, name), name, column)
    raise _nothing(connection, viewer, name, asset_class)


def resolve_id(connection: Connection, viewer: Viewer, uid: str) -> Match:
    """The visible asset with this public id; a dropped id answers with the kept asset."""
    rows = forms.by_id(connection, viewer, uid)
    if not rows:
        raise NotFound(
            f"There is no asset with the id {uid!r}.",
            remedy="Look it up by its name.",
            did_you_mean=[],
        )
    return Match(rows[0].key, rows[0].uid, "id", None, rows[0])


def _id(connection: Connection, viewer: Viewer, spellings: Spellings) -> Hits:
    for text, column in spellings:
        rows = forms.by_id(connection, viewer, text)
        if rows:
            return [(row, column) for row in rows]
    return []


def _canonical(connection: Connection, viewer: Viewer, spellings: Spellings) -> Hits:
    return forms.by_pairs(connection, viewer, _all_pairs(spellings))


def _folded(connection: Connection, viewer: Viewer, spellings: Spellings) -> Hits:
    return forms.by_folded_pairs(connection, viewer, _all_pairs(spellings))


def _all_pairs(spellings: Spellings) -> list[Pair]:
    return [pair for text, column in spellings for pair in pairs(text, column)]


def _alias(connection: Connection, viewer: Viewer, spellings: Spellings) -> Hits:
    return forms.by_alias(connection, viewer, _all_pairs(spellings), spellings)


_Form = Callable[[Connection, Viewer, Spellings], Hits]
_FORMS: Final[tuple[tuple[str, _Form], ...]] = (
    ("id", _id),
    ("name", _canonical),
    ("folded", _folded),
    ("alias", _alias),
    ("urn", forms.by_urn),
    ("source", forms.by_source),
    ("location", forms.by_location),
    ("suffix", forms.by_suffix),
)


def _pair(
    connection: Connection,
    viewer: Viewer,
    namespace: str,
    name: str,
    asset_class: str | None,
    column: str | None,
) -> Match:
    spellings: Spellings = [(name, None)] if column is not None else with_columns(name)
    wanted = [Pair(namespace, text, path) for text, path in spellings]
    for matched_by, form in (
        ("name", forms.by_pairs),
        ("folded", forms.by_folded_pairs),
        ("alias", forms.by_alias),
    ):
        hits = _of_class(form(connection, viewer, wanted), asset_class)
        if hits:
            return _one(hits, matched_by, canonical(namespace, name), column)
    raise _nothing(connection, viewer, canonical(namespace, name), asset_class)


def _called(matched_by: str, name: str) -> str:
    if name.startswith("models:/") and matched_by in ("name", "folded", "alias"):
        return "model_uri"
    return matched_by


def _of_class(hits: Hits, asset_class: str | None) -> Hits:
    if asset_class is None:
        return hits
    return [hit for hit in hits if hit[0].asset_class == asset_class]


def _one(hits: Hits, matched_by: str, asked: str, column: str | None) -> Match:
    rows = {row.key: row for row, _ in hits}
    if len(rows) > 1:
        many = len(rows) > MOST_CANDIDATES
        shown = list(rows.values())[:MOST_CANDIDATES]
        raise Ambiguous(
            f"{'More than ' if many else ''}{len(shown)} assets are called {asked!r}.",
            remedy="Write more of the name, its namespace, or its class.",
            candidates=[candidate(row) for row in shown],
        )
    row, path = hits[0]
    return Match(row.key, row.uid, matched_by, column if column is not None else path, row)


def _check(name: str, namespace: str | None, asset_class: str | None) -> None:
    if not name or not name.strip():
        raise BadInput("The name is empty.", remedy="Give the name of an asset.", parameter="name")
    if len(name) > LONGEST_NAME or len(namespace or "") > LONGEST_NAME:
        raise BadInput(
            f"The name has more than {LONGEST_NAME:,} characters.",
            remedy="Ask by its id.",
            parameter="name",
        )
    if asset_class is not None and asset_class not in CLASSES:
        raise BadInput(
            f"There is no class {asset_class!r}.",
            remedy=f"Use one of {', '.join(CLASSES)}.",
            parameter="class",
        )


def _nothing(
    connection: Connection, viewer: Viewer, name: str, asset_class: str | None
) -> NotFound:
    similar = suggest.did_you_mean(connection, viewer, name)
    similar = [row for row in similar if asset_class in (None, row.asset_class)]
    what = "model" if name.startswith("models:/") else "asset"
    return NotFound(
        f"There is no {what} that is called {name!r}.",
        remedy="See did_you_mean, or search for a part of the name."
        if similar
        else "Search for a part of the name, or ask why it is not there: `catalog why NAME`.",
        did_you_mean=[candidate(row) for row in similar],
    )
