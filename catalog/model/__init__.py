"""SQLModel tables, one file per noun: data and invariants, no queries.

Every table has a 64-bit integer ``key`` for joins; public ids (UUIDv7, 16 bytes) never serve as
foreign keys and keys never leave the process. Times are integers: microseconds since 1970, UTC.
"""

from catalog.model.assets import (
    Alias,
    Asset,
    AssetAttribute,
    AssetVersion,
    Column,
    Fact,
    LookupCount,
    Measure,
    Namespace,
    Partition,
    RecentView,
    Sighting,
)
from catalog.model.base import metadata
from catalog.model.crawls import Crawl, CrawlProblem, CrawlScope, Hold, Scope, Source
from catalog.model.history import Change, Follower, Meta
from catalog.model.jobs import QueuedJob, Run
from catalog.model.lineage import Edge, EdgeEvidence, Statement, StatementName, StatementUse
from catalog.model.people import (
    Account,
    Membership,
    Person,
    Preference,
    Team,
    Token,
    User,
    UserSession,
)

__all__ = [
    "Account",
    "Alias",
    "Asset",
    "AssetAttribute",
    "AssetVersion",
    "Change",
    "Column",
    "Crawl",
    "CrawlProblem",
    "CrawlScope",
    "Edge",
    "EdgeEvidence",
    "Fact",
    "Follower",
    "Hold",
    "LookupCount",
    "Measure",
    "Membership",
    "Meta",
    "Namespace",
    "Partition",
    "Person",
    "Preference",
    "QueuedJob",
    "RecentView",
    "Run",
    "Scope",
    "Sighting",
    "Source",
    "Statement",
    "StatementName",
    "StatementUse",
    "Team",
    "Token",
    "User",
    "UserSession",
    "metadata",
]
