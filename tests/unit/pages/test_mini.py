"""The small picture of lineage: at most four cards on a side, and it counts the others."""

from __future__ import annotations

import pytest

from catalog.lineage.views import Graph, Node
from catalog.pages.mini import HEIGHT, WIDTH, mini


def node(name: str, level: int, **more: str) -> Node:
    values = {"kind": "table", "platform": "postgres", "state": "crawled", **more}
    return Node(
        id=name, url="", asset_class="data", namespace="n", name=f"db.s.{name}", label=name,
        title=None, flag=None, level=level, columns=[], more_up=0, more_down=0, **values,
    )  # fmt: skip


def graph(ups: int, downs: int) -> Graph:
    nodes = [node("me", 0), *(node(f"u{at}", -1) for at in range(ups))]
    nodes += [node(f"d{at}", 1) for at in range(downs)]
    return Graph("me", None, "both", 1, nodes, [], None, False, False)


def test_nothing_is_drawn_of_nothing() -> None:
    assert mini(graph(0, 0), 0, 0) is None


@pytest.mark.parametrize(
    ("up", "down", "cards", "more"),
    [(1, 0, 2, (0, 0)), (4, 4, 9, (0, 0)), (5, 1, 6, (2, 0)), (0, 40, 5, (0, 37))],
)
def test_cards_and_counts(up: int, down: int, cards: int, more: tuple[int, int]) -> None:
    picture = mini(graph(min(up, 5), min(down, 5)), up, down)
    assert picture is not None
    assert len(picture.cards) == cards
    assert len(picture.edges) == cards - 1
    assert (picture.more_up, picture.more_down) == more
    for card in picture.cards:
        assert 0 <= card.x <= picture.width - WIDTH
        assert 0 <= card.y <= picture.height - HEIGHT
    places = {(card.x, card.y) for card in picture.cards}
    assert len(places) == cards


def test_long_names_are_cut_and_states_said() -> None:
    made = graph(0, 0)
    made.nodes.append(node("a" * 60, -1, state="referenced"))
    picture = mini(made, 1, 0)
    assert picture is not None
    card = picture.cards[1]
    assert card.name.endswith("…")
    assert len(card.name) < 25
    assert card.sub == "referenced"
