"""Removals that need several rooms: of a source with its assets, and of held assets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

from catalog.access.viewer import Viewer
from catalog.errors import Unavailable
from catalog.history.store import Store
from catalog.history.unit import Unit
from catalog.ingest import vanish
from catalog.ingest.context import CrawlContext, load_source
from catalog.model import clock
from catalog.naming import id_text
from catalog.sources import holds, purge, removal
from catalog.sources.reads import find, is_removed, shown_name

_CAUSE = "its source was removed"


def remove_source(
    store: Store, viewer: Viewer, reference: str, *, if_match: int | None = None
) -> None:
    """Removes a source (short name or id) and hides its assets, in short transactions.

    What is cut off, or waits for a crawl that is still stopping, `continue_removals` does.
    `NotFound`, `NotAllowed`, `Precondition`.
    """
    key = store.run(
        lambda unit: removal.remove(unit, viewer, reference, if_match=if_match), viewer.actor
    )
    _hide_all(store, key, viewer.actor)


def remove_or_delete(
    store: Store,
    viewer: Viewer,
    reference: str,
    *,
    if_match: int | None = None,
    delete: bool = False,
    typed_name: str | None = None,
) -> None:
    """`remove_source`, or with ``delete`` its data at once as well, because its name was typed.

    With another name typed nothing is done at all (`BadInput`). `Unavailable` while a crawl that
    was under way is still stopping; its assets are hidden by then.
    """
    viewer.require("source")
    if not delete:
        remove_source(store, viewer, reference, if_match=if_match)
        return

    def work(unit: Unit) -> tuple[int, str]:
        row = find(unit.session, viewer, reference, removed=True)
        if row.removed_at is None:
            removal.remove(unit, viewer, reference, if_match=if_match)
        found = id_text(row.uid)
        return removal.may_delete_now(unit, viewer, found, typed_name or ""), found

    key, found = store.run(work, viewer.actor)
    _delete_all(store, key, viewer.actor)
    with store.read() as session:
        if is_removed(session, key):
            raise Unavailable(
                "A crawl of the source is still stopping; its assets are deleted after it.",
                remedy=f"Delete it again in some seconds, by its id {found}.",
                retry_after=5,
            )


def delete_now(store: Store, viewer: Viewer, reference: str, typed_name: str) -> None:
    """Deletes at once what a removed source (id) left, because its name was typed.

    `BadInput` if that is not its name; `NotFound`, `NotAllowed`.
    """
    key = store.run(
        lambda unit: removal.may_delete_now(unit, viewer, reference, typed_name), viewer.actor
    )
    _delete_all(store, key, viewer.actor)


def continue_removals(store: Store) -> None:
    """Hides what removed sources still show; cheap when there is nothing."""
    with store.connect() as connection:
        keys = removal.unfinished(connection)
    for key in keys:
        _hide_all(store, key, "system")


def purge_removed(store: Store) -> None:
    """Deletes what was removed more than 30 days ago, in short transactions."""
    while store.run(lambda unit: purge.purge_removed(unit, clock.now()), "system"):
        pass


def confirm_holds(
    store: Store,
    viewer: Viewer,
    *,
    source: str | None = None,
    hold_ids: Iterable[str] | None = None,
) -> int:
    """Confirms holds by their ids, or all of a source: what is still missing is removed.

    Answers how many assets were. `NotAllowed`, `NotFound`.
    """
    wanted = None if hold_ids is None else list(hold_ids)
    return store.run(
        lambda unit: holds.confirm(unit, viewer, _confirm, source=source, holds=wanted),
        viewer.actor,
    )


def _confirm(unit: Unit, source: int, crawl: int, assets: Sequence[int]) -> int:
    return vanish.confirm(unit, load_source(unit.connection, source), crawl, assets)


def _hide_all(store: Store, source: int, actor: str) -> None:
    while store.run(partial(removal.withdraw_step, source=source, withdraw=_withdraw), actor):
        pass


def _delete_all(store: Store, source: int, actor: str) -> None:
    _hide_all(store, source, actor)
    while store.run(lambda unit: purge.purge_step(unit, source), actor):
        pass


def _withdraw(unit: Unit, source: int, assets: Sequence[int]) -> None:
    info = load_source(unit.connection, source)
    context = CrawlContext(
        store=None,  # type: ignore[arg-type]  # not used by `withdraw`
        source=replace(info, name=shown_name(info.name)),
        crawl=0,  # no crawl took them away
        crawl_uid="",
        crawler_version=0,
    )
    vanish.withdraw(unit, context, assets, cause=_CAUSE, outcome="removed")
