"""How values look on a page: numbers, sizes, times in the reader's zone, Markdown, code."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from catalog.model import clock
from catalog.naming import is_path, parts_of

_UNITS: Final = ("kB", "MB", "GB", "TB", "PB")
_MONTHS: Final = [
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
]
_DAYS: Final = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
KIND_ICONS: Final = {
    "table": "table",
    "view": "view",
    "materialized_view": "view",
    "dataset": "dataset",
    "file": "file",
    "source": "database",
    "database": "database",
    "schema": "folder",
    "bucket": "bucket",
    "folder": "folder",
    "container": "folder",
    "job": "job",
    "model": "model",
    "model_version": "model",
    "dashboard": "dashboard",
    "column": "column",
    "article": "file",
}
KIND_NAMES: Final = {
    "materialized_view": ("materialized view", "materialized views"),
    "dataset": ("lake dataset", "lake datasets"),
    "model_version": ("model version", "model versions"),
}
PLATFORM_NAMES: Final = {
    "duckdb": "DuckDB",
    "sqlite": "SQLite",
    "postgres": "PostgreSQL",
    "file": "files",
    "s3": "S3",
}


# --- numbers --------------------------------------------------------------------------------


def number(value: float | None) -> str:
    """1,234,567; fractions with two digits; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, int) or float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.2f}"


def size(value: float | None) -> str:
    """Bytes in the unit that a person would say: 41 MB."""
    if value is None:
        return ""
    if value < 1000:
        return f"{int(value)} B"
    for unit in _UNITS:
        value /= 1000
        if value < 999.5 or unit == _UNITS[-1]:
            return f"{value:.0f} {unit}" if value >= 10 else f"{value:.1f} {unit}"
    raise AssertionError("unreachable")


def duration(microseconds: int | None) -> str:
    """A span of time: 1 min 52 s."""
    if microseconds is None:
        return ""
    seconds = microseconds / clock.SECOND
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    return f"{minutes // 60} h {minutes % 60} min"


def tally(page: Any, shown: int) -> str:
    """How many a page shows of how many: "50 of 1,234", "50 of at least 10,000"."""
    total, at_least = getattr(page, "total", None), getattr(page, "at_least", None)
    if total is not None:
        return f"All {total:,} shown" if shown >= total else f"{shown:,} of {total:,}"
    if at_least is not None:
        return f"{shown:,} of at least {at_least:,}"
    return f"{shown:,} shown"


def kind_name(kind: str, count: int = 1) -> str:
    """The word for a kind: lake dataset, materialized views."""
    one, many = KIND_NAMES.get(kind, (kind.replace("_", " "), f"{kind.replace('_', ' ')}s"))
    return one if count == 1 else many


def kind_icon(kind: str) -> str:
    """The icon's name for a kind."""
    return KIND_ICONS.get(kind, "file")


def platform_name(platform: str) -> str:
    """How people write the name of a platform."""
    return PLATFORM_NAMES.get(platform, platform)


def where(asset: Any) -> str:
    """Where an asset lives: its source, then what it lies in: warehouse / flights / marts."""
    first = asset.source or platform_name(asset.platform)
    parts = parts_of(asset.name, asset.platform)[:-1]
    if not parts:
        return str(first)
    if is_path(asset.platform):
        return f"{first}: {asset.name.rstrip('/').rsplit('/', 1)[0]}"
    return " / ".join([first, *parts])


def initials(name: str) -> str:
    """Two letters for a round picture."""
    words = re.findall(r"\w+", name or "")
    if not words:
        return "?"
    second = words[1][0] if len(words) > 1 else words[0][1:2]
    return str(words[0][0] + second).upper()


# --- times ----------------------------------------------------------------------------------


def instant(value: int | str | None) -> datetime | None:
    """A moment as microseconds or RFC 3339 text, as a time in UTC."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        value = clock.from_text(value)
    return datetime.fromtimestamp(value / clock.SECOND, UTC)


@lru_cache(maxsize=64)
def zone_of(name: str | None) -> ZoneInfo:
    """The zone by its name; UTC without one."""
    return ZoneInfo(name or "UTC")


def _in_zone(moment: datetime, zone: ZoneInfo) -> datetime:
    """The moment in a zone. "Never" is written as the end of 9999, which has no local time east of
    UTC (as year 1 has none west of it): such a moment stays in UTC."""
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment


def spoken(moment: datetime, now: datetime, zone: ZoneInfo) -> str:
    """A moment as a person says it: today 05:12, yesterday 22:10, Thursday 16:20, 12 Nov 2024."""
    here, today = _in_zone(moment, zone), now.astimezone(zone).date()
    days = (today - here.date()).days
    at = f"{here:%H:%M}"
    if days == 0:
        return f"today {at}"
    if days == 1:
        return f"yesterday {at}"
    if days == -1:
        return f"tomorrow {at}"
    if abs(days) < 7:
        return f"{_DAYS[here.weekday()]} {at}"
    day = f"{here.day} {_MONTHS[here.month - 1]}"
    return f"{day} {at}" if here.year == today.year else f"{day} {here.year}"


@pass_context
def when(context: Context, value: int | str | None) -> Markup:
    """A ``<time>`` in the reader's zone; the title says it in UTC."""
    moment = instant(value)
    if moment is None:
        return Markup("")
    zone = zone_of(context["me"].zone)
    shown = spoken(moment, instant(clock.now()) or moment, zone)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        moment.isoformat().replace("+00:00", "Z"), f"{moment:%Y-%m-%d %H:%M:%S} UTC", shown
    )


@pass_context
def when_seconds(context: Context, value: float) -> Markup:
    """`when` of seconds since 1970, as sources measure times; empty for what no calendar has."""
    return when(context, clock.of_seconds(value))


@pass_context
def exact(context: Context, value: int | str | None) -> Markup:
    """Like `when`, with date, seconds and zone."""
    moment = instant(value)
    if moment is None:
        return Markup("")
    here = _in_zone(moment, zone_of(context["me"].zone))
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        moment.isoformat().replace("+00:00", "Z"),
        f"{moment:%Y-%m-%d %H:%M:%S} UTC",
        f"{here:%Y-%m-%d %H:%M:%S} {here.tzname()}",
    )


# --- addresses ------------------------------------------------------------------------------


def asset_path(asset: str) -> str:
    """The page of an asset by its public id."""
    return f"/assets/{asset}"


def column_path(asset: str, path: str) -> str:
    """The page of a column."""
    return f"/assets/{asset}/column?{urlencode({'path': path})}"


def urlpart(text: str) -> str:
    """A text as one part of a path."""
    return quote(text, safe="")


def query(values: dict[str, Any]) -> str:
    """Parameters of an address; lists repeat, None and empty ones are left out."""
    kept = {key: value for key, value in values.items() if value not in (None, "", [], ())}
    return urlencode(kept, doseq=True)


# --- prose and code -------------------------------------------------------------------------

_TAGS: Final = {
    "a", "blockquote", "br", "code", "del", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p",
    "pre", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip


@lru_cache(maxsize=1)
def _parser() -> Any:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


@lru_cache(maxsize=512)
def markdown(text: str | None) -> Markup:
    """Markdown as harmless HTML: no images, no styles, links to http, https and mailto only.

    Headings begin two levels down: the page has its own.
    """
    if not text:
        return Markup("")
    import nh3

    made = _parser().render(text[:100_000])
    made = re.sub(r"<(/?)h([1-6])>", lambda m: f"<{m[1]}h{min(6, int(m[2]) + 2)}>", made)
    clean = nh3.clean(
        made,
        tags=_TAGS,
        attributes={"a": {"href", "title"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
    return Markup(clean)  # cleaned one line above


@lru_cache(maxsize=512)
def plain(text: str | None) -> str:
    """The first paragraph of Markdown as text, for one line in a list."""
    if not text:
        return ""
    first = text.strip().split("\n\n", 1)[0]
    first = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", first)
    return re.sub(r"[*_`#>]+", "", first).replace("\n", " ").strip()


def sql(text: str) -> Markup:
    """SQL with keywords, strings and comments in spans of the style sheet (k, s, c)."""
    return highlighted(text, "sql")


def highlighted(text: str, language: str) -> Markup:
    """Code of ``sql`` or ``python``, coloured; everything is escaped."""
    from pygments.lexers import PythonLexer, SqlLexer

    lexer = (SqlLexer if language == "sql" else PythonLexer)(stripnl=False, ensurenl=False)
    return Markup("").join(span(kind, piece) for kind, piece in lexer.get_tokens(text[:200_000]))


def span(kind: Any, piece: str) -> Markup:
    """One token of Pygments as markup."""
    from pygments.token import Comment, Keyword, String

    for family, name in ((Keyword, "k"), (String, "s"), (Comment, "c")):
        if kind in family:
            return Markup('<span class="{}">{}</span>').format(name, piece)
    return Markup.escape(piece)


FILTERS: Final = {
    "where": where,
    "number": number, "size": size, "duration": duration, "tally": tally, "when": when,
    "when_seconds": when_seconds,
    "exact": exact, "kind_icon": kind_icon, "kind_name": kind_name,
    "platform_name": platform_name, "initials": initials, "asset_path": asset_path,
    "column_path": column_path, "urlpart": urlpart, "query": query, "markdown": markdown,
    "plain": plain, "sql": sql, "highlighted": highlighted,
}  # fmt: skip
