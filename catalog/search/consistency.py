"""Whether the index equals the store: document by document, by hash."""

from __future__ import annotations

from catalog.history.store import Store
from catalog.search.document import BATCH, hashes, indexed_keys
from catalog.search.engine import SearchEngine

_MOST = 1000


def differences(store: Store, engine: SearchEngine) -> list[str]:
    """What differs, one sentence each, at most a thousand; empty: index and store are equal.

    An index that has not followed to the end of the change log yet differs by what is left.
    """
    indexed = dict(engine.hashes())
    found: list[str] = []
    after = 0
    while True:
        with store.read() as session:
            keys = indexed_keys(session, after, BATCH)
            wanted = hashes(session, keys)
        if not keys:
            break
        after = keys[-1]
        for key, value in wanted.items():
            have = indexed.pop(key, None)
            if have is None:
                found.append(f"asset {key} is not in the index")
            elif have != value:
                found.append(f"asset {key} is outdated in the index")
        if len(found) >= _MOST:
            return found[:_MOST]
    found.extend(f"asset {key} is in the index, but not in the store" for key in indexed)
    return found[:_MOST]
