"""All routers of the pages, in the order in which they are mounted."""

from __future__ import annotations

from catalog.pages import (
    account,
    activity,
    admin,
    admin_tokens,
    admin_users,
    asset,
    asset_crawls,
    browse,
    column,
    columns,
    crawls,
    edit,
    history,
    holds,
    home,
    lineage,
    names,
    reference,
    search,
    sign_in,
    source_edit,
    source_form,
    sources,
)
from catalog.serving.routing import Router


def routers() -> list[Router]:
    """Routers of this room."""
    return [
        home.router,
        sign_in.router,
        account.router,
        asset.router,
        columns.router,
        column.router,
        edit.router,
        activity.router,
        search.router,
        browse.router,
        names.router,
        history.router,
        lineage.router,
        source_form.router,
        holds.router,
        sources.router,
        source_edit.router,
        crawls.router,
        asset_crawls.router,
        admin.router,
        admin_tokens.router,
        admin_users.router,
        reference.router,
    ]
