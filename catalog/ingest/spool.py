"""Records that wait on disk until all ids of the crawl are known."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

from catalog.crawling import records
from catalog.ingest.prepare import Prepared, prepare, restate


class Spool:
    """Deferred records on disk: a restored dump may defer all there are."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  # closed by `close`
        self.scopes: list[int] = []

    def add(self, scope: int, item: Prepared) -> None:
        """Keeps a record of a scope (key)."""
        lines = [records.encode(item.record), *(records.encode(s) for s in item.statements)]
        header = f"{scope} {len(lines)} {int(item.keep_statements)}\n".encode()
        self._file.write(header + b"\n".join(lines) + b"\n")
        self.scopes.append(scope)

    def items(self, source: int) -> Iterator[tuple[int, Prepared]]:
        """(scope, record) of all, in the order in which they came."""
        self._file.seek(0)
        while header := self._file.readline():
            scope, lines, keeps = (int(part) for part in header.split())
            found = [records.decode(self._file.readline()) for _ in range(lines)]
            first = found[0]
            if isinstance(first, records.Asset):
                item = prepare(first, source)
                item.keep_statements = bool(keeps)
                item.statements = [one for one in found if isinstance(one, records.Statement)]
                yield scope, restate(item)

    def close(self) -> None:
        """Drops them."""
        self._file.close()
