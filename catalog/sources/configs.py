"""What a source is told: its kind, its validated config, its namespaces and its short name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from catalog.crawling.registry import crawler_class, kinds
from catalog.errors import BadInput
from catalog.naming import normalize_namespace
from catalog.sources import secrets

PUSH: Final = "push"
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,62}")
# Words that say nothing about which system it is.
_DULL: Final = frozenset({"data", "db", "database", "main", "localhost", ""})
# Addresses of pages below /sources, which a source of that name would hide.
_RESERVED: Final = frozenset({"new", "holds", "problems"})
# Fields that say which part of a server it is, also where they have a default.
_PARTS: Final = frozenset({"path", "database", "databases", "bucket", "prefix", "catalog"})


class PushConfig(BaseModel):
    """A source that is not crawled: something else sends its records."""

    model_config = ConfigDict(extra="forbid")

    namespaces: list[str] = Field(
        min_length=1,
        description="Namespaces that it may report; one that ends in /* allows all below it.",
        examples=[["postgres://db.example.com:5432"]],
    )


def config_class(kind: str) -> type[BaseModel]:
    """The class that a kind's config is validated by; `BadInput` for an unknown kind."""
    if kind == PUSH:
        return PushConfig
    if kind not in kinds():
        raise BadInput(
            f"There is no crawler of kind {kind!r}.",
            remedy=f"Installed kinds: {', '.join([*kinds(), PUSH])}.",
        )
    return crawler_class(kind).Config


def validated(kind: str, config: Mapping[str, Any]) -> BaseModel:
    """The config as its class reads it. `BadInput`: what is wrong with which field.

    ``details['errors']``: a list of field and message. No value is repeated, it may be a secret.
    """
    try:
        return config_class(kind).model_validate(dict(config))
    except ValidationError as error:
        wrong = [
            {"field": ".".join(str(part) for part in one["loc"]), "message": one["msg"]}
            for one in error.errors(include_input=False, include_url=False, include_context=False)
        ]
        said = "; ".join(f"{one['field']}: {one['message']}" for one in wrong)
        raise BadInput(
            f"The config of this {kind} source is not right: {said}.",
            remedy=f"`catalog source kinds {kind}` describes every field.",
            errors=wrong,
        ) from None


def namespaces_of(kind: str, sealed: Mapping[str, Any]) -> tuple[str, ...]:
    """What a source with this stored config may report, sorted; nothing is connected."""
    opened = secrets.open_secrets(dict(sealed), config_class(kind))
    config = validated(kind, opened)
    if isinstance(config, PushConfig):
        found: Iterable[str] = config.namespaces
    else:
        found = crawler_class(kind)(config).namespaces()
    return tuple(sorted({normalize_namespace(text) for text in found}))


def target_of(kind: str, sealed: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that say which system it is: what is required, path, database and the like.

    Two databases on one server, two folders on one machine have the same namespace.
    """
    return {
        name: sealed.get(name, field.get_default(call_default_factory=True))
        for name, field in config_class(kind).model_fields.items()
        if (field.is_required() and field.annotation is not SecretStr) or name in _PARTS
    }


def target_text(config: Mapping[str, Any]) -> str:
    """What a person would call the system: its path, database, bucket or host; else nothing."""
    for name in ("path", "database", "bucket", "host"):
        value = config.get(name)
        if isinstance(value, str) and value:
            return value
    return ""


def check_name(name: str) -> str:
    """The short name, if it is one: `BadInput` else."""
    if _NAME.fullmatch(name) is None:
        raise BadInput(
            f"{name!r} is no short name of a source.",
            remedy="Begin with a letter a-z, go on with letters, digits, - or _; at most 63.",
        )
    if name in _RESERVED:
        raise BadInput(
            f"{name!r} is the address of a page, so it is no short name of a source.",
            remedy=f"Take another one, for example {name}-1.",
        )
    return name


def suggest_name(target: str, kind: str, taken: Iterable[str] = ()) -> str:
    """A short name from the path or URL that a person typed; a number makes it unique.

    The last telling part counts: ``/srv/lake`` -> ``lake``, ``postgres://u@db/shop`` -> ``shop``.
    """
    used = {*taken, *_RESERVED}
    base = next((slug for part in _parts(target) if (slug := _slug(part)) not in _DULL), kind)
    base = base if _NAME.fullmatch(base) else _slug(kind) or "source"
    if base not in used:
        return base
    number = 2
    while (name := f"{base[:58]}-{number}") in used:
        number += 1
    return name


def _parts(target: str) -> list[str]:
    """Parts of a target, the most telling first: path from its end, then the host's first."""
    try:
        split = urlsplit(target) if "://" in target else None
        host = split.hostname if split else None
    except ValueError:
        split, host = None, None
    path = split.path if split else target
    segments = [part for part in re.split(r"[/\\]", path) if part]
    segments = [re.sub(r"\.[A-Za-z0-9]{1,8}$", "", part) for part in segments]
    return [*reversed(segments), *([host.split(".")[0]] if host else [])]


def _slug(text: str) -> str:
    """Lower case letters, digits and dashes, beginning with a letter; empty if nothing is left."""
    slug = re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-_")
    return re.sub(r"^[^a-z]+", "", slug)[:63].rstrip("-_")
