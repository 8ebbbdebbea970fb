"""One scope of a lake from listing to records; the same for every kind of storage."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from catalog import reading
from catalog.crawling.isolation import Failure
from catalog.crawling.lake import datasets, grouping
from catalog.crawling.lake.grouping import Bundle
from catalog.crawling.lake.listing import File, Listing
from catalog.crawling.records import (
    Asset,
    Done,
    Filtered,
    Objects,
    Problem,
    Record,
    Unchanged,
)

Read = Callable[[Iterable[File]], tuple[dict[str, reading.FileFacts], dict[str, Failure]]]
_CHUNK_FILES: Final = 512
_STATE_VERSION: Final = 1


@dataclass
class Evidence:
    """What was read so far, by path."""

    facts: dict[str, reading.FileFacts]
    failures: dict[str, Failure]

    def missing(self, files: Iterable[File]) -> list[File]:
        """Files that were not tried yet."""
        return [f for f in files if f.path not in self.facts and f.path not in self.failures]


class LakeRun:
    """Crawls one scope. ``left_out_by`` gives the pattern that refuses a path, ``read`` opens
    files. ``state`` is trusted only as far as it fits: anything else is read anew."""

    def __init__(
        self,
        root: str,
        namespace: str,
        left_out_by: Callable[[str], str | None],
        read: Read,
        state: Mapping[str, Any] | None,
        only: Sequence[str] | None,
    ) -> None:
        self._root, self._namespace = root, namespace
        self._left_out_by, self._read = left_out_by, read
        self._known = _known_bundles(state)
        self._only = None if only is None else frozenset(only)
        self._remembered: dict[str, Any] = {}
        self._containers: set[str] = set()

    def records(self, listing: Listing, whole_root: bool) -> Iterator[Record]:
        """All records of the scope. ``whole_root``: it is the root's own scope, which also
        reports the root itself."""
        if listing.skipped and self._only is None:
            yield Objects(listed=listing.skipped, filtered=listing.skipped)
        if whole_root:
            yield self._container(self._root)
        bundles = [b for b in grouping.plan(listing.root, whole_root) if self._asked(b)]
        for chunk in _chunks(bundles):
            yield from self._chunk(chunk)
        yield from self._troubles(listing)
        why = None if listing.complete else "Some folders could not be listed."
        state = {"v": _STATE_VERSION, "bundles": self._remembered}
        yield Done(listing.complete, state if self._only is None else None, why)

    def _asked(self, bundle: Bundle) -> bool:
        if self._only is None:
            return True
        return any(datasets.asset_name(path) in self._only for path in possible_names(bundle))

    def _troubles(self, listing: Listing) -> Iterator[Problem]:
        """Folders stand for no listed object: what lies in them was never listed."""
        hint = "Give the user that the catalog runs as read access, or exclude it."
        for trouble in listing.troubles:
            what = datasets.asset_name(trouble.path)
            yield Problem(what, trouble.why, hint, trouble.code, objects=0)
        if listing.full:
            what = datasets.asset_name(listing.root.path)
            why = f"It has more than {listing.files:,} files; the listing stopped there."
            yield Problem(what, why, "Raise max_files.", "too_many", objects=0)

    # -- bundles ----------------------------------------------------------------------------

    def _chunk(self, bundles: list[Bundle]) -> Iterator[Record]:
        """Reads the files of several bundles at once, so that no reader waits."""
        prints = {bundle.name: datasets.fingerprint(bundle) for bundle in bundles}
        opened = [b for b in bundles if not self._is_known(b, prints[b.name])]
        opened = [b for b in opened if self._refused(b) is None]
        evidence = Evidence(*self._read([f for b in opened for f in files_to_read(b)]))
        resolved = {
            bundle.name: list(grouping.resolve(bundle, lambda b: datasets.alike(b, evidence.facts)))
            for bundle in opened
        }
        rest = [f for parts in resolved.values() for part in parts for f in datasets.to_read(part)]
        if missing := evidence.missing(rest):
            facts, failures = self._read(missing)
            evidence.facts.update(facts)
            evidence.failures.update(failures)
        for bundle in bundles:
            if bundle.name in resolved:
                yield from self._read_bundle(resolved[bundle.name], evidence)
                self._remember(bundle, resolved[bundle.name], prints[bundle.name], evidence)
            elif (by := self._refused(bundle)) is not None:
                yield from self._filtered(bundle, by)
            else:
                yield from self._unchanged(bundle)

    def _refused(self, bundle: Bundle) -> str | None:
        """The pattern that leaves out every dataset that the bundle could become."""
        first: str | None = None
        for path in possible_names(bundle):
            by = self._left_out_by(path)
            if by is None:
                return None
            first = first or by
        return first

    def _filtered(self, bundle: Bundle, by: str) -> Iterator[Record]:
        count = len(bundle.members)
        yield Filtered(self._namespace, datasets.asset_name(bundle.name), by)
        yield Objects(listed=count, filtered=count)

    def _read_bundle(self, parts: list[Bundle], evidence: Evidence) -> Iterator[Record]:
        for part in parts:
            by = self._left_out_by(part.name)
            if by is not None:
                yield from self._filtered(part, by)
            else:
                yield from self._dataset(part, evidence)

    def _dataset(self, bundle: Bundle, evidence: Evidence) -> Iterator[Record]:
        failed = [file for file in bundle.files if file.path in evidence.failures]
        count = len(bundle.members)
        if not any(file.path in evidence.facts for file in bundle.files):
            yield Objects(listed=count)
            yield from self._lost(bundle, failed, evidence)
            return
        parent = yield from self._parents(bundle)
        yield datasets.record(bundle, self._namespace, parent, evidence.facts)
        yield Objects(listed=count, used=count - len(failed))
        for file in failed:
            yield _problem(file, evidence.failures[file.path])

    def _lost(self, bundle: Bundle, failed: list[File], evidence: Evidence) -> Iterator[Problem]:
        """Nothing of it could be read: the first problem names the asset and stands for the files
        that nobody opened."""
        unopened = len(bundle.members) - len(failed)
        for position, file in enumerate(failed):
            failure = evidence.failures[file.path]
            if position:
                yield _problem(file, failure)
            else:
                name = datasets.asset_name(bundle.name)
                yield _problem(file, failure, 1 + unopened, self._namespace, name)

    # -- state ------------------------------------------------------------------------------

    def _is_known(self, bundle: Bundle, fingerprint: str) -> bool:
        known = self._known.get(datasets.asset_name(bundle.name))
        if known is None or known[0] != fingerprint:
            return False
        names = {datasets.asset_name(part.name) for part in self._known_parts(bundle)}
        return names == set(known[1])

    def _known_parts(self, bundle: Bundle) -> list[Bundle]:
        """The datasets that the bundle was resolved to last time."""
        names = self._known[datasets.asset_name(bundle.name)][1]
        return list(grouping.resolve(bundle, lambda b: datasets.asset_name(b.name) in names))

    def _unchanged(self, bundle: Bundle) -> Iterator[Record]:
        key = datasets.asset_name(bundle.name)
        print_, found = self._known[key]
        self._remembered[key] = _entry(print_, found)
        for part in self._known_parts(bundle):
            by = self._left_out_by(part.name)
            if by is not None:
                yield from self._filtered(part, by)
                continue
            yield from self._parents(part)
            name = datasets.asset_name(part.name)
            measures = datasets.measures(part, *self._known[key][1][name])
            yield Unchanged(self._namespace, name, measures=measures)
            yield Objects(listed=len(part.members), used=len(part.members))

    def _remember(
        self, bundle: Bundle, parts: list[Bundle], fingerprint: str, evidence: Evidence
    ) -> None:
        """Only what was read without a failure: a failure shall be told again next time."""
        if any(file.path in evidence.failures for file in bundle.files):
            return
        found = {datasets.asset_name(p.name): datasets.rows_of(p, evidence.facts) for p in parts}
        self._remembered[datasets.asset_name(bundle.name)] = _entry(fingerprint, found)

    # -- containers -------------------------------------------------------------------------

    def _parents(self, bundle: Bundle) -> Generator[Record, None, str]:
        """Containers above a dataset that were not reported yet; returns its parent's name."""
        parent = bundle.folder
        if bundle.name == parent and parent != self._root:
            parent = parent.rsplit("/", 1)[0] or "/"
        chain = []
        path = parent
        while path != self._root and path not in self._containers:
            chain.append(path)
            path = path.rsplit("/", 1)[0] or "/"
        for path in reversed(chain):
            yield self._container(path)
        return datasets.asset_name(parent)

    def _container(self, path: str) -> Asset:
        self._containers.add(path)
        above = None if path == self._root else datasets.asset_name(path.rsplit("/", 1)[0] or "/")
        return Asset(
            namespace=self._namespace,
            name=datasets.asset_name(path),
            kind="folder",
            asset_class="container",
            parent=above,
            location=datasets.uri(self._namespace, path),
        )


def possible_names(bundle: Bundle) -> Iterator[str]:
    """Every name that a dataset of this bundle may get."""
    yield bundle.name
    if bundle.split:
        for part in grouping.parts(bundle):
            yield from possible_names(part)


def files_to_read(bundle: Bundle) -> list[File]:
    """What must be opened to tell whether a bundle is one dataset and what it holds."""
    if not bundle.split:
        return datasets.to_read(bundle)
    shapes = grouping.shapes_of(bundle.members).values()
    return [
        file
        for members in shapes
        for file in datasets.to_read(Bundle("", bundle.folder, bundle.rule, members))
    ]


def _problem(
    file: File,
    failure: Failure,
    objects: int = 1,
    namespace: str | None = None,
    name: str | None = None,
) -> Problem:
    what = datasets.asset_name(file.path)
    return Problem(what, failure.why, failure.hint, failure.code, objects, namespace, name)


def _chunks(bundles: Iterable[Bundle]) -> Iterator[list[Bundle]]:
    """Bundles in order, in lots of some hundred files."""
    chunk: list[Bundle] = []
    count = 0
    for bundle in bundles:
        chunk.append(bundle)
        count += min(len(bundle.members), datasets.MAX_FOOTERS)
        if count >= _CHUNK_FILES:
            yield chunk
            chunk, count = [], 0
    if chunk:
        yield chunk


_Rows = tuple[int | None, str]


def _entry(fingerprint: str, found: Mapping[str, _Rows]) -> dict[str, Any]:
    return {"print": fingerprint, "datasets": {name: list(rows) for name, rows in found.items()}}


def _known_bundles(state: Mapping[str, Any] | None) -> dict[str, tuple[str, dict[str, _Rows]]]:
    """Bundle name -> (fingerprint, dataset name -> rows); whatever has another form is ignored."""
    if not isinstance(state, Mapping) or state.get("v") != _STATE_VERSION:
        return {}
    bundles = state.get("bundles")
    known = {}
    for name, entry in bundles.items() if isinstance(bundles, Mapping) else ():
        try:
            found = {key: _rows(value) for key, value in entry["datasets"].items()}
            known[name] = (str(entry["print"]), found)
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
    return known


def _rows(value: Sequence[Any]) -> _Rows:
    rows, how = value
    if not (rows is None or isinstance(rows, int)) or how not in ("exact", "estimate"):
        raise ValueError(value)
    return rows, how
