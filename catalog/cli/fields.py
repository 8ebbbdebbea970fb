"""A source's config on the command line: its fields, their help, their values.

All of it derives from the crawler's ``Config`` class; nothing here knows a crawler.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import typer.core

from catalog.cli.context import out
from catalog.errors import BadInput

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

ASK: Final = "-"
"""A secret's value that is asked for, or read from standard input: arguments are seen by all."""


class AddCommand(typer.core.TyperCommand):
    """``source add KIND --help`` also describes the fields of that kind."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Keeps the arguments: help is printed before they are parsed."""
        ctx.meta["catalog.arguments"] = list(args)
        return super().parse_args(ctx, args)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """The kinds, or the fields of the one that was named."""
        from catalog.crawling.registry import kinds
        from catalog.sources.configs import PUSH

        known = [*kinds(), PUSH]
        named = [one for one in ctx.meta.get("catalog.arguments", ()) if one in known]
        formatter.write_paragraph()
        if not named:
            formatter.write_text(f"Kinds: {', '.join(known)}.")
            formatter.write_text("`catalog source add KIND --help` describes the fields of one.")
            return
        kind = one_kind(named[0])
        with formatter.section(f"Fields of {kind.kind}, {kind.title} (--set FIELD=VALUE)"):
            formatter.write_dl([(name, f"{about} {help}") for name, about, help in rows(kind)])


def all_kinds() -> tuple[Any, ...]:
    """All kinds that can be added here."""
    from catalog.access.users import local_viewer
    from catalog.cli.context import login
    from catalog.usecases.connecting import list_kinds

    return list_kinds(local_viewer(login()))


def one_kind(kind: str) -> Any:
    """One kind with its fields; `BadInput` for an unknown one."""
    from catalog.sources.configs import config_class

    config_class(kind)
    return next(one for one in all_kinds() if one.kind == kind)


def rows(kind: Any) -> list[tuple[str, str, str]]:
    """(field, ``(type, required)`` or ``(type, default)``, description) of a kind's config."""
    from catalog.sources.config_fields import config_fields

    found = []
    for one in config_fields(kind.config):
        default = "" if one.default is None else f", default {one.default}"
        about = f"({one.type}{', required' if one.required else default})"
        found.append((one.name, about, one.description))
    return found


def describe(kind: Any) -> None:
    """A kind with its fields, on standard output."""
    out(f"{kind.kind}: {kind.title}")
    if kind.problem:
        out(f"  {kind.problem}")
    for name, about, help in rows(kind):
        out(f"  {name}  {about}")
        out(f"      {help}")
    for example in kind.examples:
        out(f"  For example: {example}")


def config_of(
    target: str | None, kind: str | None, given: Sequence[str]
) -> tuple[str, dict[str, Any]]:
    """(kind, config) from a target that a person typed, or from a kind; then ``--set``."""
    from catalog.crawling.registry import claim, crawler_class, kinds
    from catalog.sources.configs import PUSH, config_class

    known = [*kinds(), PUSH]
    config: dict[str, Any] = {}
    if kind is None and target in known:
        kind = target
    elif kind is None and target is None:
        raise BadInput("What is to be added?", remedy="Give a path, a URL or a kind.")
    elif kind is None:
        kind, config = claim(str(target))
    elif target is not None and target != kind:
        config_class(kind)
        claimed = None if kind == PUSH else crawler_class(kind).claims(target)
        if claimed is None:
            raise BadInput(f"A {kind} source cannot be made of {target!r}.", remedy="Use --set.")
        config = claimed
    return kind, {**config, **values_of(kind, given)}


def edited(view: Any, given: Sequence[str], unset: Sequence[str]) -> dict[str, Any]:
    """A source's whole config with some fields changed; secrets stay ``***``, which keeps them."""
    from catalog.sources.configs import config_class

    config = {**(view.config or {}), **values_of(view.kind, given)}
    for name in unset:
        field = _field(config_class(view.kind).model_fields, name, view.kind)
        config.pop(name, None)
        if is_secret(field):
            config[name] = None  # left out it would be kept
    return config


def values_of(kind: str, given: Sequence[str]) -> dict[str, Any]:
    """The values of ``--set FIELD=VALUE``; a list's field may be given several times."""
    from catalog.sources.configs import config_class

    fields = config_class(kind).model_fields
    found: dict[str, Any] = {}
    for one in given:
        name, sign, text = one.partition("=")
        if not sign:
            raise BadInput("--set takes FIELD=VALUE.", remedy=f"See `catalog source kinds {kind}`.")
        value = _value(name, _field(fields, name, kind), text)
        if isinstance(value, list) and isinstance(found.get(name), list):
            value = found[name] + value
        found[name] = value
    return found


def _field(fields: Mapping[str, FieldInfo], name: str, kind: str) -> FieldInfo:
    if name not in fields:
        raise BadInput(
            f"A {kind} source has no field {name!r}.", remedy=f"Fields: {', '.join(fields)}."
        )
    return fields[name]


def is_secret(field: FieldInfo) -> bool:
    """Whether the field holds a secret."""
    return "SecretStr" in str(field.annotation)


def _value(name: str, field: FieldInfo, text: str) -> Any:
    from pydantic import TypeAdapter, ValidationError

    if is_secret(field):
        return _asked(name) if text == ASK else text
    if field.annotation in (str, str | None):
        # A source is crawled from another folder than this one.
        return os.path.abspath(text) if name == "path" and os.path.exists(text) else text
    adapter: TypeAdapter[Any] = TypeAdapter(field.annotation or str)
    for value in _readings(text):
        try:
            return adapter.dump_python(adapter.validate_python(value), mode="json")
        except ValidationError:
            continue
    return text  # the whole config's check says what is wrong with it


def _readings(text: str) -> list[Any]:
    """What the text may mean: JSON, a text, one item of a list."""
    try:
        found: list[Any] = [json.loads(text)]
    except ValueError:
        found = []
    return [*found, text, [text]]


def _asked(name: str) -> str:
    from catalog.cli.secrets import read_secret

    return read_secret(name)
