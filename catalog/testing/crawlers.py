"""The contract that every crawler keeps, as checks without a test framework.

::

    CASE = Case(MySystem, {"path": "/srv/example"})

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_contract(check: Check) -> None:
        check(CASE)

The configured system must be reachable, hold at least one data asset, and not change meanwhile.
A broken rule raises `Broken` (an `AssertionError`) that says which one, and by what.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import pydantic

from catalog.crawling import records
from catalog.crawling.crawler import Crawler, CrawlerConfig
from catalog.crawling.records import (
    Asset,
    Done,
    Filtered,
    Objects,
    Problem,
    Record,
    Statement,
    Unchanged,
)

Key = tuple[str, str, str]  # namespace, class, name
_SECRET_WORDS: Final = ("password", "secret", "token", "credential")
_GARBAGE: Final[Mapping[str, Any]] = {"foreign": [1, None, {"x": "\u2603"}], "version": "one"}


class Broken(AssertionError):
    """A rule of the contract that a crawler broke."""


@dataclass(frozen=True)
class Case:
    """A crawler class and a config (plain JSON) of a system that is there."""

    crawler: type[Crawler[Any]]
    config: Mapping[str, Any] = field(default_factory=dict)

    @contextmanager
    def opened(self, **changes: Any) -> Iterator[Crawler[Any]]:
        """A new crawler, closed at the end."""
        config = self.crawler.Config.model_validate({**self.config, **changes})
        crawler = self.crawler(config)
        try:
            yield crawler
        finally:
            crawler.close()

    def secrets(self) -> list[str]:
        """All secret values in the config."""
        config = self.crawler.Config.model_validate(self.config)
        values = (getattr(config, name) for name in type(config).model_fields)
        found = [one.get_secret_value() for one in values if isinstance(one, pydantic.SecretStr)]
        return [secret for secret in found if secret]


Check = Callable[[Case], None]


def require(holds: bool, rule: str, *what: Any) -> None:
    """Raises `Broken` with the rule and what broke it."""
    if not holds:
        raise Broken(": ".join([rule, *(repr(one) for one in what)]))


@dataclass
class Whole:
    """All records of a crawl, per scope in order."""

    scopes: dict[str, list[Record]]

    def all(self) -> Iterator[Record]:
        """The records of all scopes."""
        for found in self.scopes.values():
            yield from found

    def assets(self) -> Iterator[Asset]:
        """The assets of all scopes."""
        return (record for record in self.all() if isinstance(record, Asset))

    def states(self) -> dict[str, Any]:
        """Scope -> the state it ended with."""
        ends = {name: found[-1] for name, found in self.scopes.items() if found}
        return {name: end.state for name, end in ends.items() if isinstance(end, Done)}


def crawled(case: Case, states: Mapping[str, Any] | None = None, **changes: Any) -> Whole:
    """Crawls everything, each scope with its state."""
    states = states or {}
    known = {name: state for name, state in states.items() if state is not None}
    with case.opened(**changes) as crawler:
        listed = crawler.scopes(known)
        return Whole(
            {
                scope.name: list(crawler.crawl(scope, states.get(scope.name)))
                for scope in listed.scopes
            }
        )


# --- what the class says of itself ------------------------------------------------------------


def config_is_described(case: Case) -> None:
    """Forms, docs and CLI help are made from the descriptions."""
    for name, info in case.crawler.Config.model_fields.items():
        require(bool((info.description or "").strip()), "A config field has no description", name)
    require(issubclass(case.crawler.Config, CrawlerConfig), "Config is no CrawlerConfig")
    require(case.crawler.version >= 1, "version is below 1", case.crawler.version)
    require(bool(case.crawler.kind and case.crawler.title), "kind or title is empty")


def examples_are_valid(case: Case) -> None:
    """Examples are shown to people who will copy them."""
    for example in case.crawler.examples:
        case.crawler.Config.model_validate(json.loads(example))


def secrets_are_secret(case: Case) -> None:
    """A field that sounds like a secret has the type that hides itself."""
    for name, info in case.crawler.Config.model_fields.items():
        if any(word in name.lower() for word in _SECRET_WORDS):
            require("SecretStr" in str(info.annotation), "A secret is no SecretStr", name)


def secrets_stay_inside(case: Case) -> None:
    """No representation and no record holds a secret."""
    with case.opened() as crawler:
        shown = [repr(crawler), repr(crawler.config), repr(crawler.check()), *crawler.namespaces()]
    shown += [records.encode(record).decode() for record in crawled(case).all()]
    for secret in case.secrets():
        require(not any(secret in text for text in shown), "A secret is shown")


def check_succeeds(case: Case) -> None:
    """``check`` answers for a system that is there."""
    with case.opened() as crawler:
        result = crawler.check()
    require(result.ok and bool(result.message), "check() fails", result)


# --- scopes and streams -----------------------------------------------------------------------


def scopes_are_stable(case: Case) -> None:
    """The same names in the same order, each once."""
    with case.opened() as crawler:
        first = [scope.name for scope in crawler.scopes({}).scopes]
    with case.opened() as crawler:
        again = [scope.name for scope in crawler.scopes({}).scopes]
    require(bool(first), "There is no scope")
    require(first == again, "Scopes change between crawls", first, again)
    require(len(set(first)) == len(first), "A scope comes twice", first)


def scope_details_are_json(case: Case) -> None:
    """A scope travels through the queue to another process."""
    with case.opened() as crawler:
        for scope in crawler.scopes({}).scopes:
            detail = dict(scope.detail)
            require(json.loads(json.dumps(detail)) == detail, "A detail is no JSON", detail)


def done_comes_last(case: Case) -> None:
    """Exactly one ``Done`` per scope, at its end; its state is JSON."""
    for scope, found in crawled(case).scopes.items():
        ends = [number for number, record in enumerate(found) if isinstance(record, Done)]
        require(ends == [len(found) - 1], "Done is not the one last record", scope, ends)
    for state in crawled(case).states().values():
        require(json.loads(json.dumps(state)) == state, "A state is no JSON", state)


def scopes_stand_alone(case: Case) -> None:
    """A retried scope is crawled by a new instance, without the others before it."""
    whole = crawled(case)
    with case.opened() as crawler:
        last = crawler.scopes({}).scopes[-1]
    with case.opened() as crawler:
        alone = list(crawler.crawl(last, None))
    kept = {_key(one) for one in alone if isinstance(one, Asset)}
    before = {_key(one) for one in whole.scopes[last.name] if isinstance(one, Asset)}
    require(kept == before, "A scope alone reports other assets", kept ^ before)


def can_be_given_up(case: Case) -> None:
    """A cancelled crawl stops between two records, and a new crawl works."""
    with case.opened() as crawler:
        for scope in crawler.scopes({}).scopes:
            stream = iter(crawler.crawl(scope, None))
            next(stream, None)
            close = getattr(stream, "close", None)
            if close is not None:
                close()
        again = [list(crawler.crawl(scope, None)) for scope in crawler.scopes({}).scopes]
    require(all(isinstance(found[-1], Done) for found in again), "It does not crawl again")


# --- records ----------------------------------------------------------------------------------


def records_round_trip(case: Case) -> None:
    """Records survive their JSON form, which is what the push takes."""
    for record in crawled(case).all():
        require(records.decode(records.encode(record)) == record, "A record changes", record)


def names_are_inside(case: Case) -> None:
    """Every name is in a namespace that the source may report."""
    with case.opened() as crawler:
        allowed = crawler.namespaces()
    for record in crawled(case).all():
        namespace = getattr(record, "namespace", None)
        if namespace is not None:
            inside = any(_covers(one, namespace) for one in allowed)
            require(inside, "A namespace is not declared", namespace, allowed)


def _covers(allowed: str, namespace: str) -> bool:
    return namespace.startswith(allowed[:-1]) if allowed.endswith("/*") else namespace == allowed


def parents_come_first(case: Case) -> None:
    """Containers are reported before what they hold, in the order of scopes."""
    containers: set[tuple[str, str]] = set()
    for asset in crawled(case).assets():
        if asset.parent is not None:
            seen = (asset.namespace, asset.parent) in containers
            require(seen, "A parent was not reported before", asset.name, asset.parent)
        if asset.asset_class == "container":
            containers.add((asset.namespace, asset.name))


def names_are_unique(case: Case) -> None:
    """One asset, one scope: two scopes that report it would overwrite each other for ever."""
    seen: set[Key] = set()
    for asset in crawled(case).assets():
        require(_key(asset) not in seen, "An asset is reported twice", _key(asset))
        seen.add(_key(asset))
    require(any(key[1] == "data" for key in seen), "The test system holds no data asset")


def columns_are_unique(case: Case) -> None:
    """Field paths are the names of columns: each once in its asset; keys name known ones."""
    for asset in crawled(case).assets():
        if asset.columns is None:
            continue
        paths = [column.path for column in asset.columns]
        require(len(set(paths)) == len(paths), "A field path comes twice", asset.name)
        for key in asset.keys:
            require(set(key.columns) <= set(paths), "A key names no column", asset.name, key)


def statements_follow(case: Case) -> None:
    """A definition follows the record of the asset that it defines, in the same scope."""
    for scope, found in crawled(case).scopes.items():
        seen: set[tuple[str, str]] = set()
        for record in found:
            if isinstance(record, Asset):
                seen.add((record.namespace, record.name))
            elif isinstance(record, Statement) and record.defines is not None:
                key = (record.namespace, record.defines)
                require(key in seen, "A statement defines what was not reported", scope, key)


def objects_add_up(case: Case) -> None:
    """listed = used + filtered + failed, with patterns and without."""
    for patterns in ([], ["*"]):
        for scope, found in crawled(case, exclude=patterns).scopes.items():
            sums = [record for record in found if isinstance(record, Objects)]
            listed = sum(one.listed for one in sums)
            told = sum(one.used + one.filtered for one in sums)
            failed = sum(one.objects for one in found if isinstance(one, Problem))
            require(listed == told + failed, "Objects do not add up", scope, listed, told, failed)


def patterns_are_kept(case: Case) -> None:
    """What a pattern leaves out is reported as filtered, once, and not otherwise."""
    reported = {_key(one) for one in crawled(case).assets() if one.asset_class == "data"}
    without = list(crawled(case, exclude=["*"]).all())
    kept = [one for one in without if isinstance(one, Asset) and one.asset_class == "data"]
    filtered = [
        (one.namespace, one.asset_class, one.name) for one in without if isinstance(one, Filtered)
    ]
    require(not kept, "An excluded asset is reported", kept[:1])
    require(sorted(filtered) == sorted(reported), "Filtered assets are not those that exist")


def preview_tells_the_same(case: Case) -> None:
    """The preview names what a crawl would report."""
    crawl = {one.name for one in crawled(case).assets() if one.asset_class == "data"}
    with case.opened() as crawler:
        shown = {item.name for item in crawler.preview(100_000) if item.filtered_by is None}
    require(shown == crawl, "The preview differs from the crawl", shown ^ crawl)


# --- state ------------------------------------------------------------------------------------


def state_changes_nothing(case: Case) -> None:
    """With state, without, and with a foreign one the same assets stand at the end."""
    plain = crawled(case)
    expected = ending(plain.all(), {})
    foreign = dict.fromkeys(plain.scopes, _GARBAGE)
    twisted = {name: _twisted(state) for name, state in plain.states().items()}
    for how, states in (
        ("its own state", plain.states()),
        ("an empty state", {name: {} for name in plain.scopes}),
        ("a foreign state", foreign),
        ("a damaged state", twisted),
    ):
        found = ending(crawled(case, states).all(), expected)
        differing = {
            key for key in found.keys() | expected.keys() if found.get(key) != expected.get(key)
        }
        require(not differing, f"The crawl with {how} ends otherwise", sorted(differing)[:3])


Ending = dict[Key, tuple[bytes, tuple[bytes, ...]]]


def ending(found: Iterable[Record], former: Ending) -> Ending:
    """Asset -> (canonical record, its statements) after a crawl over ``former``."""
    result: Ending = {}
    for record in found:
        if isinstance(record, Asset):
            result[_key(record)] = (records.canonical(record), ())
        elif isinstance(record, Unchanged):
            key = (record.namespace, record.asset_class, record.name)
            require(key in former, "Unchanged names what was never reported", key)
            result[key] = former[key]
        elif isinstance(record, Statement) and record.defines is not None:
            key = (record.namespace, "data", record.defines)
            if key in result:
                asset, statements = result[key]
                result[key] = (asset, (*statements, records.encode(record)))
    return result


def _twisted(state: Any) -> Any:
    """The state with every value of another type: what a bug or another version left behind."""
    if isinstance(state, dict):
        return {key: _twisted(value) for key, value in state.items()}
    return [] if isinstance(state, str | int | float | None) else "\u2603"


def _key(asset: Asset) -> Key:
    return (asset.namespace, asset.asset_class, asset.name)


CHECKS: Final[tuple[Check, ...]] = (
    config_is_described,
    examples_are_valid,
    secrets_are_secret,
    secrets_stay_inside,
    check_succeeds,
    scopes_are_stable,
    scope_details_are_json,
    done_comes_last,
    scopes_stand_alone,
    can_be_given_up,
    records_round_trip,
    names_are_inside,
    parents_come_first,
    names_are_unique,
    columns_are_unique,
    statements_follow,
    objects_add_up,
    patterns_are_kept,
    preview_tells_the_same,
    state_changes_nothing,
)


def run(case: Case) -> None:
    """All checks, one after the other; the first broken rule is raised."""
    for check in CHECKS:
        check(case)
