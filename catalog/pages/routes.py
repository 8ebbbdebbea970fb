"""All routers of the pages, in the order in which they are mounted."""

from __future__ import annotations

from catalog.pages import account, activity, asset, home, sign_in
from catalog.serving.call import Router


def routers() -> list[Router]:
    """Routers of this room."""
    return [home.router, sign_in.router, account.router, asset.router, activity.router]
