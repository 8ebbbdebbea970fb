"""The crawler SDK: all that a crawler may import.

::

    class MySystem(Crawler[MyConfig]): ...

`Crawler` is the class to write, `records` what it yields, `errors` what it raises.
"""

from catalog import errors, naming, types
from catalog.crawling import records
from catalog.crawling.crawler import (
    CheckResult,
    Crawler,
    CrawlerConfig,
    PreviewItem,
    Scope,
    Scopes,
)
from catalog.crawling.records import (
    Asset,
    Done,
    Field,
    Filtered,
    Key,
    Measure,
    Objects,
    Partition,
    Problem,
    Record,
    Statement,
    Unchanged,
)

__all__ = [
    "Asset",
    "CheckResult",
    "Crawler",
    "CrawlerConfig",
    "Done",
    "Field",
    "Filtered",
    "Key",
    "Measure",
    "Objects",
    "Partition",
    "PreviewItem",
    "Problem",
    "Record",
    "Scope",
    "Scopes",
    "Statement",
    "Unchanged",
    "errors",
    "naming",
    "records",
    "types",
]
