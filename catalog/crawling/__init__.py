"""The crawler SDK: all that a crawler may import.

::

    class MySystem(Crawler[MyConfig]): ...

`Crawler` is the class to write, `records` what it yields, `errors` what it raises.
"""

from catalog import errors, naming, reading, types
from catalog.crawling import records
from catalog.crawling.crawler import (
    CheckResult,
    Crawler,
    CrawlerConfig,
    PreviewItem,
    Scope,
    Scopes,
)
from catalog.crawling.fields import fields_of
from catalog.crawling.isolation import Failure, Outcome, Workers
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
    "Failure",
    "Field",
    "Filtered",
    "Key",
    "Measure",
    "Objects",
    "Outcome",
    "Partition",
    "PreviewItem",
    "Problem",
    "Record",
    "Scope",
    "Scopes",
    "Statement",
    "Unchanged",
    "Workers",
    "errors",
    "fields_of",
    "naming",
    "reading",
    "records",
    "types",
]
