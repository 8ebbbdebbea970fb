"""Lineage pages as tests look at them: pictures as trees, and estates to be drawn."""

from __future__ import annotations

import html
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from itertools import pairwise

from sqlalchemy import select

from catalog.history.store import table_of
from catalog.model import Asset
from catalog.naming import id_text
from tests.support.api import Api
from tests.unit.lineage.estate import Estate
from tests.unit.pages.asking import see

SVG = "{http://www.w3.org/2000/svg}"


@dataclass
class Drawn:
    """A reply. ``picture``: its SVG as a tree, or None."""

    text: str

    @property
    def picture(self) -> ElementTree.Element | None:
        found = re.search(r'<svg class="lineage".*?\n</svg>', self.text, re.DOTALL)
        if found is None:
            return None
        return ElementTree.fromstring(found[0].replace("<svg ", f'<svg xmlns="{SVG[1:-1]}" '))

    def all(self, kind: str) -> list[ElementTree.Element]:
        """Elements of the picture whose class list has a word."""
        picture = self.picture
        assert picture is not None
        return [one for one in picture.iter() if kind in (one.get("class") or "").split()]

    @property
    def cards(self) -> dict[str, ElementTree.Element]:
        """Cards by the asset's whole name."""
        return {one.findtext(f"{SVG}a/{SVG}title") or "": one for one in self.all("card")}

    @property
    def links(self) -> list[str]:
        return [html.unescape(one) for one in re.findall(r'href="([^"]*)"', self.text)]


def ask(api: Api, path: str, who: str = "viewer") -> Drawn:
    """GET a page, which must answer."""
    reply = see(api, path, who)
    assert reply.status_code == 200, reply.text
    return Drawn(reply.text)


def ids(api: Api) -> dict[str, str]:
    """Public ids of all assets by name."""
    asset = table_of(Asset)
    with api.store.connect() as connection:
        rows = connection.execute(select(asset.c.name, asset.c.uid))
        return {row.name: id_text(row.uid) for row in rows}


def estate(api: Api, *pairs: tuple[str, str], **columns: list[str]) -> dict[str, str]:
    """Assets by one word, linked; ids by name."""
    with api.store.write("system") as unit:
        made = Estate(unit)
        ends = (end.partition(".")[0] for pair in pairs for end in pair)
        for name in dict.fromkeys([*columns, *ends]):
            made.asset(name, columns.get(name, []))
        made.link(*pairs)
    return ids(api)


def chain(api: Api) -> dict[str, str]:
    """raw -> stage -> fact -> report; the column x goes all the way, y to the fact only."""
    names = ("raw", "stage", "fact", "report")
    pairs = list(pairwise(names))
    flows = [(f"{one}.x", f"{other}.x") for one, other in pairs]
    flows += [("raw.y", "stage.y"), ("stage.y", "fact.y")]
    columns = {name: ["x", "y", "z", *(f"c{at}" for at in range(9))] for name in names}
    return estate(api, *pairs, *flows, **columns)
