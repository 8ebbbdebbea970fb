"""The frozen read models: what everybody who reads assets gets, ready to be encoded as JSON.

``msgspec.json.encode(view)`` is the reply. Unknown is ``None`` and never left out; times are
RFC 3339 text in UTC; ids are public ids; sources go by their short name. Nothing here holds an
integer key of the store.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec

ItemT = TypeVar("ItemT")


class Page(msgspec.Struct, Generic[ItemT], frozen=True):
    """One page of a list. Either ``total`` or ``at_least`` is known; ``next``: a cursor or None."""

    items: list[ItemT]
    total: int | None = None
    at_least: int | None = None
    next: str | None = None


class Tally(msgspec.Struct, frozen=True):
    """A count that stops somewhere: ``total`` if it was counted to the end, else ``at_least``."""

    total: int | None = None
    at_least: int | None = None


class Origin(msgspec.Struct, frozen=True):
    """Where an effective value comes from. ``layer``: curated, crawled or inferred.

    ``source``: short name of the source that says so (crawled). ``by``: the actor who wrote it
    (curated), ``name`` what to call that actor. ``evidence`` and ``confidence``: of what was
    inferred.
    """

    layer: str
    source: str | None = None
    by: str | None = None
    name: str | None = None
    at: str | None = None
    confidence: float | None = None
    evidence: str | None = None


class Owner(msgspec.Struct, frozen=True):
    """Who answers for it. ``type``: person, team or account (an account that nobody claimed).

    ``id``: public id of the person or team; of an account None. ``role``: see
    `catalog.types.OWNER_ROLES`.
    """

    type: str
    id: str | None
    name: str
    email: str | None
    role: str
    origin: Origin


class Tag(msgspec.Struct, frozen=True):
    """A tag by its path, with a value if it has one."""

    tag: str
    value: str | None
    origin: Origin


class Flag(msgspec.Struct, frozen=True):
    """One person's trust flag. ``kind``: endorsed, warned or deprecated."""

    kind: str
    by: str
    name: str | None
    at: str | None
    reason: str | None


class Key(msgspec.Struct, frozen=True):
    """A primary, unique or foreign key; ``references``: canonical name of the other asset."""

    kind: str
    columns: list[str]
    name: str | None
    references: str | None
    references_columns: list[str]


class ColumnView(msgspec.Struct, frozen=True):
    """One column or nested field with its effective facts.

    ``type``: normalized, ``native_type``: as the system writes it. ``comment``: what the source
    says; ``description``: the effective one. ``keys``: primary, unique, foreign. ``flag``: the
    most severe of ``flags``.
    """

    path: str
    position: int
    type: str
    native_type: str | None
    nullable: bool | None
    default: str | None
    comment: str | None
    keys: list[str]
    title: str | None
    description: str | None
    description_origin: Origin | None
    owners: list[Owner]
    tags: list[Tag]
    flag: str | None
    flags: list[Flag]
    etag: str


class MeasureView(msgspec.Struct, frozen=True):
    """The latest value of a number that moves. ``how``: exact or estimate."""

    value: float
    at: str
    how: str
    source: str | None


class SeenBy(msgspec.Struct, frozen=True):
    """What one source knows of an asset.

    ``state``: present, held or withdrawn. ``decides``: its report is the effective one.
    ``crawl``, ``crawl_state``, ``at``: the last crawl of the source that covered the asset's
    scope; ``complete``: whether that crawl listed the scope to the end. ``seen_at``: when the
    asset was last known to be there; ``changed_by``: id of the crawl that last changed it.
    """

    source: str
    source_id: str
    kind: str
    scope: str
    state: str
    decides: bool
    environment: str | None
    crawl: str | None
    crawl_state: str | None
    at: str | None
    complete: bool | None
    seen_at: str | None
    changed_by: str | None


class Definition(msgspec.Struct, frozen=True):
    """The statement that makes the asset. ``problem``: why it could not be parsed, or None."""

    id: str
    text: str
    dialect: str
    kind: str
    problem: str | None


class Crumb(msgspec.Struct, frozen=True):
    """One container above an asset, the outermost first."""

    id: str
    kind: str
    label: str
    name: str
    url: str


class Summary(msgspec.Struct, frozen=True):
    """An asset in a list. ``label``: the last part of its name. ``children``: only of browsing."""

    id: str
    url: str
    asset_class: str
    kind: str
    platform: str
    namespace: str
    name: str
    label: str
    state: str
    title: str | None
    description: str | None
    flag: str | None
    source: str | None
    popularity: int
    rows_class: int | None
    changed_at: str
    removed_at: str | None
    children: Tally | None = None


class AssetView(msgspec.Struct, frozen=True):
    """One asset whole.

    ``matched_by``: how the name that was asked for was understood (`catalog.assets.resolve`);
    ``column``: field path of the column that was asked for, if one was. ``version``: of a model,
    if one was asked for. ``columns``: the first 1,000; ``columns_total``: how many there are
    (None: the columns are not known). ``crawl`` is the last crawl that covered the asset, of the
    source that decides. ``complete``: whether that crawl listed everything. ``held_since``: a
    crawl missed it, and the brake kept it. ``sequence``: set when this is a past state; what is
    only of now (measures, crawls, children) is then None. ``etag``: of the facts people write.
    """

    id: str
    url: str
    matched_by: str
    column: str | None
    version: str | None
    asset_class: str
    kind: str
    platform: str
    namespace: str
    name: str
    canonical: str
    label: str
    state: str
    source: str | None
    environment: str | None
    title: str | None
    title_origin: Origin | None
    description: str | None
    description_origin: Origin | None
    owners: list[Owner]
    tags: list[Tag]
    flag: str | None
    flags: list[Flag]
    columns: list[ColumnView] | None
    columns_total: int | None
    keys: list[Key]
    location: str | None
    format: str | None
    partition_keys: list[str]
    properties: dict[str, Any]
    definition: Definition | None
    measures: dict[str, MeasureView] | None
    popularity: int | None
    rows_class: int | None
    parents: list[Crumb]
    children: Tally | None
    seen_by: list[SeenBy] | None
    crawl: SeenBy | None
    complete: bool | None
    aliases: list[str]
    created_at: str
    changed_at: str
    removed_at: str | None
    held_since: str | None
    sequence: int | None
    etag: str


class Candidate(msgspec.Struct, frozen=True):
    """One of several assets that a name fits, or a suggestion for a name that fits none."""

    id: str
    url: str
    namespace: str
    name: str
    kind: str
    state: str


class Trouble(msgspec.Struct, frozen=True):
    """What a name in a look-up of many led to instead of an asset.

    ``code``: not_found, ambiguous or bad_input.
    """

    code: str
    message: str
    candidates: list[Candidate]
    did_you_mean: list[Candidate]


class Found(msgspec.Struct, frozen=True):
    """One name of a look-up, in the order asked: an asset or a problem, the other is None."""

    asked: str
    matched_by: str | None
    column: str | None
    asset: Summary | None
    problem: Trouble | None


class ChangeView(msgspec.Struct, frozen=True):
    """One entry of the change log; ``before`` and ``after`` hold the changed fields only.

    ``asset``: canonical name, ``asset_id``: public id, None when it is not about an asset.
    ``column``: field path of today.
    """

    sequence: int
    at: str
    actor: str
    actor_name: str | None
    what: str
    subject_type: str
    subject: str
    asset: str | None
    asset_id: str | None
    column: str | None
    cause: str | None
    before: Any
    after: Any


class ColumnChange(msgspec.Struct, frozen=True):
    """What became of one column: added, removed, renamed, retyped or changed.

    ``was``: its path before a rename. ``fields``: name -> [before, after].
    """

    path: str
    what: str
    was: str | None
    fields: dict[str, list[Any]]
    breaking: bool


class ValueChange(msgspec.Struct, frozen=True):
    """A value of the asset or of a column that differs; ``column``: field path or None."""

    what: str
    column: str | None
    before: Any
    after: Any
    breaking: bool


class Diff(msgspec.Struct, frozen=True):
    """What differs between two states of one asset. ``breaking``: a reader of it may fail."""

    columns: list[ColumnChange]
    values: list[ValueChange]
    breaking: bool


class VersionView(msgspec.Struct, frozen=True):
    """One step in an asset's history: the sequence that made it, and what it changed."""

    sequence: int
    at: str
    actor: str
    actor_name: str | None
    what: list[str]
    cause: str | None
    parts: list[str]
    diff: Diff | None


class Glance(msgspec.Struct, frozen=True):
    """The catalog at a glance: visible assets by kind, state, class, source and platform.

    ``curable``: live assets that hold data, are reports or models; of these ``described``,
    ``owned`` and ``endorsed``.
    """

    total: int
    kinds: dict[str, int]
    states: dict[str, int]
    sources: dict[str, int]
    platforms: dict[str, int]
    curable: int
    described: int
    owned: int
    endorsed: int
