"""The settings that are in effect, as admins may see them."""

from __future__ import annotations

from typing import Any

import msgspec
from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from catalog.access.viewer import Viewer
from catalog.history.unit import SECRET
from catalog.naming import without_secrets
from catalog.settings import Settings


class Setting(msgspec.Struct, frozen=True):
    """One setting; ``value`` is ``***`` when it is a secret that is set."""

    name: str
    variable: str
    value: Any
    is_default: bool
    description: str


def settings_in_effect(viewer: Viewer, settings: Settings) -> list[Setting]:
    """Settings as this process read them, in their order, secrets masked; admins only."""
    viewer.require("settings")
    return [_setting(settings, name) for name in type(settings).model_fields]


def _setting(settings: Settings, name: str) -> Setting:
    field = type(settings).model_fields[name]
    value = getattr(settings, name)
    default = field.default if field.default is not PydanticUndefined else None
    shown: Any
    if isinstance(value, SecretStr):
        shown = SECRET
    elif value is None or isinstance(value, bool | int | float):
        shown = value
    else:
        shown = without_secrets(str(value))
    return Setting(
        name=name,
        variable=f"CATALOG_{name.upper()}",
        value=shown,
        is_default=value == default,
        description=field.description or "",
    )
