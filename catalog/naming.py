"""(namespace, name) <-> text, after OpenLineage's naming; case rules; field paths; ids.

Authority for namespaces and names per platform is ``openlineage.client.naming.dataset``.
OpenLineage does not quote name parts; here a part of a dotted name that holds a dot, a double
quote or nothing is written in double quotes, doubled inside, so that (``a.b``, ``c``) and
(``a``, ``b.c``) stay two names. Path names (lake, files) are never quoted.
"""

from __future__ import annotations

import hashlib
import os
import re
import struct
import time
import unicodedata
import uuid
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from catalog.types import CaseRule

# scheme of a namespace -> platform
_SCHEMES: Final[dict[str, str]] = {
    "postgres": "postgres",
    "postgresql": "postgres",
    "mysql": "mysql",
    "mariadb": "mysql",
    "redshift": "redshift",
    "snowflake": "snowflake",
    "bigquery": "bigquery",
    "trino": "trino",
    "oracle": "oracle",
    "sqlserver": "sqlserver",
    "mssql": "sqlserver",
    "hive": "hive",
    "awsathena": "athena",
    "arn": "glue",
    "duckdb": "duckdb",
    "sqlite": "sqlite",
    "clickhouse": "clickhouse",
    "s3": "s3",
    "gs": "gcs",
    "abfss": "azure",
    "wasbs": "azure",
    "hdfs": "hdfs",
    "dbfs": "dbfs",
    "file": "file",
    "kafka": "kafka",
    "cassandra": "cassandra",
    "db2": "db2",
    "teradata": "teradata",
    "mlflow": "mlflow",
    "models": "registry",
    "unitycatalog": "unity",
}
# Platforms whose names are paths: split at '/', never quoted.
PATH_PLATFORMS: Final[frozenset[str]] = frozenset(
    {"s3", "gcs", "azure", "hdfs", "dbfs", "file", "mlflow", "registry", "glue", "kafka"}
)
_CASE_RULES: Final[dict[str, CaseRule]] = {
    "postgres": "lower",
    "redshift": "lower",
    "hive": "lower",
    "athena": "lower",
    "glue": "lower",
    "trino": "lower",
    "snowflake": "upper",
    "oracle": "upper",
    "db2": "upper",
    "duckdb": "insensitive",
    "sqlite": "insensitive",
    "sqlserver": "insensitive",
    "mysql": "insensitive",
    "teradata": "insensitive",
    "unity": "lower",
}
_SAME_SCHEME: Final[dict[str, str]] = {
    "s3a": "s3",
    "s3n": "s3",
    "gcs": "gs",
    "postgresql": "postgres",
    "mariadb": "mysql",
    "abfs": "abfss",
    "wasb": "wasbs",
}


def platform_of(namespace: str) -> str:
    """Platform of a namespace (``postgres://h:5432`` -> ``postgres``), or its bare scheme."""
    scheme = namespace.split(":", 1)[0].lower()
    return _SCHEMES.get(scheme, scheme or "unknown")


def case_rule_of(platform: str) -> CaseRule:
    """How the platform folds names that were not quoted; path platforms do not."""
    return _CASE_RULES.get(platform, "sensitive")


def is_path(platform: str) -> bool:
    """Whether names are paths (never quoted) instead of dotted."""
    return platform in PATH_PLATFORMS


def fold(text: str, rule: CaseRule) -> str:
    """The form that look-ups compare: NFC, then the platform's case rule.

    Two spellings of one name fold alike. The direction of the rule does not matter for that, so
    every rule but ``sensitive`` folds to lower case.
    """
    text = unicodedata.normalize("NFC", text)
    return text if rule == "sensitive" else text.lower()


_UNSAFE = re.compile("[\x00\ud800-\udfff]")


def clean_text(text: str) -> str:
    """NUL and lone surrogates as visible escapes; no store takes them. All else is kept."""
    if _UNSAFE.search(text) is None:
        return text
    return _UNSAFE.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


# --- dotted names ---------------------------------------------------------------------------


def quote_part(part: str) -> str:
    """One part of a dotted name, quoted if it must be."""
    if part == "" or "." in part or '"' in part:
        return '"' + part.replace('"', '""') + '"'
    return part


def join_name(parts: Iterable[str]) -> str:
    """``["shop", "public", "a.b"]`` -> ``shop.public."a.b"``."""
    return ".".join(quote_part(part) for part in parts)


def split_name(name: str) -> list[str]:
    """The parts of a dotted name, unquoted. What is not well quoted is taken as it stands."""
    if '"' not in name:
        return name.split(".")
    parts: list[str] = []
    position, end = 0, len(name)
    while position <= end:
        if position < end and name[position] == '"':
            part, position = _quoted(name, position)
        else:
            stop = name.find(".", position)
            stop = end if stop < 0 else stop
            part, position = name[position:stop], stop
        parts.append(part)
        if position >= end:
            break
        position += 1  # the dot
    return parts


def _quoted(name: str, start: int) -> tuple[str, int]:
    """The quoted part that begins at ``start`` and the position behind it."""
    position = start + 1
    while True:
        close = name.find('"', position)
        if close < 0:  # never closed: not a quote after all
            return name[start:], len(name)
        if name[close + 1 : close + 2] == '"':
            position = close + 2
            continue
        after = close + 1
        if after < len(name) and name[after] != ".":  # "a"b: not a quote after all
            stop = name.find(".", after)
            stop = len(name) if stop < 0 else stop
            return name[start:stop], stop
        return name[start + 1 : close].replace('""', '"'), after


def leaf(name: str, platform: str) -> str:
    """The last part: the table's or folder's own name, unquoted."""
    if is_path(platform):
        return name.rstrip("/").rsplit("/", 1)[-1] or name
    return split_name(name)[-1]


def parts_of(name: str, platform: str) -> list[str]:
    """All parts of a name, unquoted; of a path the non-empty segments."""
    if is_path(platform):
        return [part for part in name.split("/") if part]
    return split_name(name)


# --- field paths ----------------------------------------------------------------------------

_PATH_SPECIAL = re.compile(r'[.\[\]{}"#]|^$')
_PATH_TOKEN = re.compile(r'"((?:[^"]|"")*)"|(\[\]|\{key\}|\{value\})|([^.\[\]{}"]+)|\.')


def quote_field(part: str) -> str:
    """One part of a field path, quoted if it holds a special character."""
    if _PATH_SPECIAL.search(part):
        return '"' + part.replace('"', '""') + '"'
    return part


def join_path(parts: Sequence[str]) -> str:
    """``["items", "[]", "sku"]`` -> ``items[].sku``. Markers ``[] {key} {value}`` attach."""
    path = ""
    for part in parts:
        if part in ("[]", "{key}", "{value}"):
            path += part
        else:
            path += ("." if path else "") + quote_field(part)
    return path


def split_path(path: str) -> list[str]:
    """The parts of a field path, unquoted, markers as parts of their own."""
    parts = []
    for found in _PATH_TOKEN.finditer(path):
        if found.group(1) is not None:
            parts.append(found.group(1).replace('""', '"'))
        elif found.group(2):
            parts.append(found.group(2))
        elif found.group(3):
            parts.append(found.group(3))
    return parts


# --- names as text --------------------------------------------------------------------------


def canonical(namespace: str, name: str) -> str:
    """``namespace/name``; no second slash before a name that begins with one."""
    return namespace + name if name.startswith("/") else f"{namespace}/{name}"


def normalize_location(text: str) -> str:
    """A location with today's scheme (``s3a://`` -> ``s3://``), without a trailing slash.

    ``file:///x`` and ``file:/x`` become ``file/x`` in canonical form: the local namespace is
    ``file`` and the name the absolute path.
    """
    scheme, sep, rest = text.partition("://")
    if not sep:
        if text.startswith("file:/"):
            return "file" + (text[5:].rstrip("/") or "/")
        return text.rstrip("/") or text
    scheme = _SAME_SCHEME.get(scheme.lower(), scheme.lower())
    if scheme == "file" and rest.startswith("/"):
        return "file" + (rest.rstrip("/") or "/")
    return f"{scheme}://{rest.rstrip('/')}"


def normalize_namespace(text: str) -> str:
    """A namespace as it is stored: no secrets, today's scheme, no trailing slash."""
    text = without_secrets(clean_text(text.strip()))
    scheme, sep, rest = text.partition("://")
    if sep:
        scheme = _SAME_SCHEME.get(scheme.lower(), scheme.lower())
        text = f"{scheme}://{rest}"
    stripped = text.rstrip("/")
    if stripped == "file:":
        return "file"
    return text if stripped.endswith(":") else stripped


_USERINFO = re.compile(r"(?<=://)[^/?#\s]*@")
_SECRET_QUERY = re.compile(
    r"(?i)([?&;](?:password|passwd|pwd|user|username|token|access_token|secret|sig|signature|"
    r"key|api_key|apikey|x-amz-[a-z-]+|awsaccesskeyid)=)(?:\{[^}]{0,128}\}|[^&;#\s'\"]*)"
)

# A password beside another word of a connection string (`dblink('host=h user=u password=p', ...)`
# in a view); alone it may be a comparison of columns. Repetitions are bounded: the text is hostile.
_PASSWORD_KEY = r"(?:password|passwd|pwd)\s{0,3}=\s{0,3}"
_CONNECTION_KEY = (
    r"\b(?:host|hostaddr|hostname|port|dbname|database|db|user|username|user id|uid|server|"
    r"data source|initial catalog|driver|dsn|account|sslmode|passfile|options)\s{0,3}=\s{0,3}"
)
_QUOTED_VALUE = r"''[^']{0,128}''|\\'[^']{0,128}\\'|\{[^}]{0,128}\}"
_PLAIN_VALUE = r"[^\s;,'\"]{1,128}"
_GAP = r"[\s;]{1,5}"
_PAIR = rf"\w{{1,40}}\s{{0,3}}=\s{{0,3}}(?:{_QUOTED_VALUE}|{_PLAIN_VALUE}){_GAP}"
_PASSWORD_AFTER = re.compile(
    rf"(?i)({_CONNECTION_KEY}(?:{_QUOTED_VALUE}|{_PLAIN_VALUE}){_GAP}(?:{_PAIR}){{0,8}}?"
    rf"{_PASSWORD_KEY})(?:{_QUOTED_VALUE}|[^\s;'\"]+)"
)
_PASSWORD_BEFORE = re.compile(
    rf"(?i)(\b{_PASSWORD_KEY})(?:{_QUOTED_VALUE}|[^\s;'\"]{{1,128}})"
    rf"(?={_GAP}(?:{_PAIR}){{0,8}}?{_CONNECTION_KEY})"
)
_PASSWORD = re.compile(rf"(?i){_PASSWORD_KEY}")


def without_secrets(text: str) -> str:
    """Any text with user and password taken out of the URLs and connection strings in it."""
    if "://" not in text and "=" not in text:
        return text
    text = _SECRET_QUERY.sub(r"\1***", _USERINFO.sub("", text))
    if _PASSWORD.search(text) is None:
        return text
    return _PASSWORD_BEFORE.sub(r"\1***", _PASSWORD_AFTER.sub(r"\1***", text))


def host_port(url: str, default_port: int) -> tuple[str, int]:
    """Host (lower case) and port of a URL; ``localhost`` when it names none."""
    parts = urlsplit(url)
    return (parts.hostname or "localhost").lower(), parts.port or default_port


def bare_url(url: str) -> str:
    """A URL without user, password, query and fragment."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.port:
        host = f"{host}:{parts.port}"
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


# --- keys and ids ---------------------------------------------------------------------------


def name_key(name: str) -> bytes:
    """16 bytes that stand for a name of any length in the unique index."""
    return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def text_key(text: str) -> int:
    """Signed 64-bit key of a folded name or leaf, for ordinary indexes; compare texts after."""
    raw = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int(struct.unpack(">q", raw)[0])


def new_id() -> bytes:
    """UUIDv7 (RFC 9562) as 16 bytes: time-ordered, so inserts stay at the index's end."""
    stamp = time.time_ns() // 1_000_000
    raw = bytearray(stamp.to_bytes(6, "big") + os.urandom(10))
    raw[6] = 0x70 | (raw[6] & 0x0F)
    raw[8] = 0x80 | (raw[8] & 0x3F)
    return bytes(raw)


def id_text(raw: bytes) -> str:
    """Public form of an id."""
    return str(uuid.UUID(bytes=raw))


def id_bytes(text: str) -> bytes | None:
    """The 16 bytes of a public id, or None if the text is none."""
    try:
        return uuid.UUID(text).bytes
    except ValueError:
        return None
