"""Pages of sources and crawls asked as a browser asks them: with a cookie, by GET and by form."""

from __future__ import annotations

import html
import re
from typing import Any

from tests.support.api import Api

HOSTILE = '<script>alert("x")</script>'


def headers(api: Api, who: str) -> dict[str, str]:
    """What a browser sends with the session of a role."""
    return {
        "cookie": f"catalog_session={api.cookie(who)}",
        "accept": "text/html",
        "sec-fetch-site": "same-origin",
    }


def see(api: Api, path: str, who: str = "admin") -> Any:
    """GET a page."""
    return api.client.get(path, headers=headers(api, who), follow_redirects=False)


def send(api: Api, path: str, who: str = "admin", **form: Any) -> Any:
    """POST a form; ``c__path`` is sent as ``c.path``."""
    data = {name.replace("__", "."): value for name, value in form.items()}
    return api.client.post(path, data=data, headers=headers(api, who), follow_redirects=False)


def value_of(page: str, name: str) -> str | None:
    """What stands in the input or textarea of a form; None: there is none of this name."""
    area = re.search(rf'<textarea[^>]* name="{re.escape(name)}"[^>]*>([^<]*)</textarea>', page)
    if area is not None:
        return html.unescape(area[1])
    found = re.search(rf'<input[^>]* name="{re.escape(name)}"[^>]*>', page)
    if found is None:
        return None
    value = re.search(r' value="([^"]*)"', found[0])
    return html.unescape(value[1]) if value else ""


def text_of(page: str) -> str:
    """The words of a page, without markup."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())
