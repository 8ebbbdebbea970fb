"""All pages of the catalog, on the demo estate: name -> path. A page that is not here is not
looked at, so a test compares this list with the routes."""

from __future__ import annotations

from tests.support.browser import Site

FACT = "warehouse.flights.marts.flights"


def places(site: Site) -> dict[str, str]:
    """Pages as an admin opens them."""
    fact = site.asset(FACT)
    staged = site.asset("warehouse.flights.staging.flights")
    view = next(
        one["id"]
        for one in site.api("/api/v1/assets?kind=view&limit=20")["items"]
        if one["source"] == "warehouse"
    )
    datasets = site.api("/api/v1/assets?kind=dataset&limit=20")["items"]
    dataset = next(one["id"] for one in datasets if one["name"].endswith("raw/flights"))
    schema = site.api("/api/v1/assets?kind=schema&limit=1")["items"][0]["id"]
    crawl = site.api("/api/v1/crawls?limit=1&source=warehouse")["items"][0]["id"]
    return {
        "home": "/",
        "search": "/search?q=flights",
        "search-filtered": "/search?q=flights&kind=table&sort=name",
        "search-empty": "/search?q=zzzznothing",
        "browse": "/browse",
        "container": f"/assets/{schema}",
        "asset": f"/assets/{fact}",
        "asset-view": f"/assets/{view}",
        "asset-dataset": f"/assets/{dataset}",
        "columns": f"/assets/{fact}/columns",
        "column": f"/assets/{fact}/column?path=arr_delay",
        "copy": f"/assets/{fact}/copy?as=ddl",
        "files": f"/assets/{dataset}/files",
        "edit": f"/assets/{fact}/edit",
        "edit-column": f"/assets/{fact}/edit?column=arr_delay",
        "lineage": f"/assets/{fact}/lineage?depth=2",
        "lineage-column": f"/assets/{fact}/lineage?depth=3&column=arr_delay",
        "lineage-list": f"/assets/{fact}/lineage?view=list",
        "evidence": f"/assets/{fact}/lineage/evidence?from={staged}&to={fact}",
        "history": f"/assets/{fact}/history",
        "asset-crawls": f"/assets/{fact}/crawls",
        "sources": "/sources",
        "source-new": "/sources/new",
        "source-new-form": "/sources/new?kind=local",
        "source": "/sources/warehouse",
        "source-edit": "/sources/warehouse/edit",
        "source-move": "/sources/warehouse/move",
        "source-remove": "/sources/warehouse/remove",
        "holds": "/sources/holds",
        "problems": "/sources/problems",
        "crawl": f"/crawls/{crawl}",
        "activity": "/activity",
        "account": "/account",
        "admin-users": "/admin/users",
        "admin-user": "/admin/users/viewer",
        "admin-tokens": "/admin/tokens",
        "admin-settings": "/admin/settings",
        "admin-health": "/admin/health",
        "reference": "/api/reference",
    }
