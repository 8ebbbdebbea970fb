"""Records that wait on disk come back as they were."""

from __future__ import annotations

import pytest

from catalog.crawling import records
from catalog.ingest.prepare import prepare
from catalog.ingest.spool import Spool
from tests.support.crawls import NAMESPACE, table


@pytest.mark.parametrize("keeps", [True, False])
def test_what_waits_comes_back(keeps: bool) -> None:
    spool = Spool()
    record = table("orders")
    assert isinstance(record, records.Asset)
    item = prepare(record, 1)
    item.keep_statements = keeps
    item.statements = [records.Statement("SELECT 1", "postgres", NAMESPACE, defines=record.name)]
    spool.add(7, item)
    ((scope, found),) = spool.items(1)
    spool.close()
    assert scope == 7
    assert (found.record, found.statements) == (item.record, item.statements)
    assert found.keep_statements is keeps
