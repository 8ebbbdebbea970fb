"""Secrets in a source's config: references or ciphertext in the store, ``***`` everywhere else.

Stored forms: ``env:NAME`` (an environment variable), ``file:/run/secrets/x`` (a file's text) and
``fernet:KEYID:CIPHERTEXT``. Which fields are secret is read from the config class: those with
`SecretStr` anywhere in their type.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, SecretBytes, SecretStr

from catalog.errors import BadInput, SourceError
from catalog.history.unit import SECRET
from catalog.naming import without_secrets
from catalog.settings import settings
from catalog.sources.keyring import PREFIX, Keyring, keyring

LARGEST: Final = 64 << 10  # bytes of a secret's file
_ENV: Final = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)")
_PASSWORD_IN_URL: Final = re.compile(r"://[^/?#\s@:]*:[^/?#\s@]*@")
_BARE: Final = re.compile(r"^[^/@]*:[^/@]*@")  # user:password@host, where a host belongs
# Fields that say where a secret is sent to, by any part of their name.
_WHERE: Final = re.compile(
    r"host|port|url|uri|endpoint|server|address|account|socket|dsn|proxy|region|workspace|tenant"
)
Config = Mapping[str, Any]
Change = Callable[[str, Any, Any], Any]
"""(field's path, value, the other config's value) -> value."""


def seal(config: Config, model: type[BaseModel], *, keys: Keyring | None = None) -> dict[str, Any]:
    """The config as it is stored: every secret a reference or ciphertext.

    `BadInput` for a reference that cannot be, and for a password inside a URL of another field.
    Sealing twice is harmless.
    """
    _refuse_passwords(config, model)
    ring = _Lazy(keys)
    return _mapped(config, {}, model, lambda path, value, _: _sealed(path, value, ring))


def open_secrets(
    config: Config, model: type[BaseModel], *, keys: Keyring | None = None
) -> dict[str, Any]:
    """A stored config with its secrets in plain text, for use; never kept, shown or logged.

    `SourceError` when a variable, file or key is missing.
    """
    ring = _Lazy(keys)
    return _mapped(config, {}, model, lambda path, value, _: _opened(path, value, ring))


def masked(config: Config, model: type[BaseModel]) -> dict[str, Any]:
    """A config for output: each secret ``***``, and no user or password in any URL."""
    shown = _mapped(config, {}, model, lambda _path, value, _: None if value is None else SECRET)
    return {name: _without_secrets(value) for name, value in shown.items()}


def merge_edit(
    old: Config, new: Config, model: type[BaseModel], *, keys: Keyring | None = None
) -> dict[str, Any]:
    """``new`` sealed, with the secrets of ``old`` (stored) that it leaves out, empty or ``***``.

    None removes a secret. When a field that says where the secret goes has changed, a kept one
    is asked for again (`BadInput`): else the next check sends the old password to a new host.
    """
    moved = _moved(old, new, model)
    kept: list[str] = []

    def keep(path: str, value: Any, before: Any) -> Any:
        if value not in ("", SECRET):
            return value
        if before is not None:
            kept.append(path)
        return before

    merged = _mapped(_with_left_out(new, old, model), old, model, keep)
    if kept and moved:
        raise BadInput(
            f"{', '.join(moved)} changed, so {', '.join(kept)} must be entered again.",
            remedy="Enter it once more: it is not sent to a new place unasked.",
            fields=kept,
        )
    return seal(merged, model, keys=keys)


# --- one secret -----------------------------------------------------------------------------


class _Lazy:
    """A keyring that is only read, or made, when there is something to encrypt."""

    def __init__(self, keys: Keyring | None) -> None:
        self._keys = keys

    def __call__(self) -> Keyring:
        if self._keys is None:
            self._keys = keyring()
        return self._keys


def _sealed(path: str, value: Any, ring: _Lazy) -> Any:
    if value is None or value == "":
        return None
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if not isinstance(value, str):
        raise BadInput(f"{path} must be a text.", remedy="Enter the secret as text.")
    if value == SECRET:
        raise BadInput(f"{path} is only {SECRET}.", remedy="Enter the secret itself.")
    if value.startswith("env:"):
        return _checked_variable(path, value)
    if value.startswith("file:"):
        return _checked_file(path, value)
    if value.startswith(PREFIX):
        ring().decrypt(value)  # ours, or an error
        return value
    return ring().encrypt(value)


def _checked_variable(path: str, value: str) -> str:
    found = _ENV.fullmatch(value)
    if found is None:
        raise BadInput(f"{path} names no environment variable.", remedy="Write env:NAME.")
    if found.group(1).upper().startswith("CATALOG_"):
        raise BadInput(
            f"{path} names a setting of the catalog itself, which no source is given.",
            remedy="Put the secret into a variable of its own.",
        )
    return value


def _checked_file(path: str, value: str) -> str:
    file = Path(value.removeprefix("file:"))
    if not file.is_absolute():
        raise BadInput(f"{path} names no absolute path.", remedy="Write file:/run/secrets/NAME.")
    if _inside_home(file):
        raise BadInput(
            f"{path} names a file in the catalog's own folder, which no source is given.",
            remedy="Put the secret into a file elsewhere.",
        )
    return value


def _inside_home(file: Path) -> bool:
    """Also through links, and looked at again each time the file is read."""
    return file.resolve().is_relative_to(settings().home.resolve())


def _opened(path: str, value: Any, ring: _Lazy) -> Any:
    if not isinstance(value, str):
        return value
    if value.startswith("env:"):
        name = _checked_variable(path, value).removeprefix("env:")
        if name not in os.environ:
            raise SourceError(
                f"{path} is read from the environment variable {name}, which is not set.",
                remedy=f"Set {name} where the catalog runs, or enter the secret itself.",
            )
        return os.environ[name]
    if value.startswith("file:"):
        return _file_text(path, Path(_checked_file(path, value).removeprefix("file:")))
    if value.startswith(PREFIX):
        return ring().decrypt(value)
    raise SourceError(
        f"{path} is stored in a form that is not known.", remedy="Enter the secret again."
    )


def _file_text(path: str, file: Path) -> str:
    """The file's text without the line end behind it."""
    try:
        found = file.stat()
        if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST:
            raise SourceError(
                f"{path} is read from {file}, which is no file of at most {LARGEST >> 10} KiB.",
                remedy="Name the file that holds the secret alone.",
            )
        return file.read_text("utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise SourceError(
            f"{path} is read from {file}, which cannot be read: {reason}.",
            remedy="Give the catalog's user the right to read it, or enter the secret itself.",
        ) from None


# --- all secrets of a config ----------------------------------------------------------------


def _mapped(
    config: Config, other: Config, model: type[BaseModel], change: Change, within: str = ""
) -> dict[str, Any]:
    """A copy of the config with every secret changed; ``other`` is walked beside it."""
    result = dict(config)
    for name, field in model.model_fields.items():
        if name in config:
            before = other.get(name)
            result[name] = _walk(within + name, config[name], before, field.annotation, change)
    return result


def _walk(path: str, value: Any, other: Any, kind: Any, change: Change) -> Any:
    if not _holds_secret(kind):
        return value
    if _is_secret(kind):
        return change(path, value, other)
    if isinstance(value, Mapping):
        before = other if isinstance(other, Mapping) else {}
        model = next((one for one in _arms(kind) if _is_model(one)), None)
        if model is not None:
            return _mapped(value, before, model, change, f"{path}.")
        inner = next(get_args(one)[-1] for one in _arms(kind) if get_origin(one) is dict)
        return {
            key: _walk(f"{path}.{key}", one, before.get(key), inner, change)
            for key, one in value.items()
        }
    if isinstance(value, list | tuple):
        inner = next(get_args(one)[0] for one in _arms(kind) if get_origin(one) in (list, tuple))
        rest = list(other) if isinstance(other, list | tuple) else []
        padded = rest + [None] * (len(value) - len(rest))
        return [
            _walk(f"{path}[{number}]", one, padded[number], inner, change)
            for number, one in enumerate(value)
        ]
    return change(path, value, other)


def _arms(kind: Any) -> tuple[Any, ...]:
    """The members of a union, without what annotates them; else the type itself."""
    if get_origin(kind) is Annotated:
        return _arms(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return tuple(arm for one in get_args(kind) for arm in _arms(one))
    return (kind,)


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _is_secret(kind: Any) -> bool:
    """Whether it is a secret and nothing else, None aside."""
    arms = [one for one in _arms(kind) if one is not type(None)]
    return bool(arms) and all(one in (SecretStr, SecretBytes) for one in arms)


def _holds_secret(kind: Any) -> bool:
    for one in _arms(kind):
        if one in (SecretStr, SecretBytes):
            return True
        if _is_model(one) and any(
            _holds_secret(field.annotation) for field in one.model_fields.values()
        ):
            return True
        if get_origin(one) is not None and any(map(_holds_secret, get_args(one))):
            return True
    return False


def _with_left_out(new: Config, old: Config, model: type[BaseModel]) -> dict[str, Any]:
    """A known secret that is not in the form at all counts as left empty."""
    missing = {
        name: SECRET
        for name, field in model.model_fields.items()
        if name in old and name not in new and _is_secret(field.annotation)
    }
    return {**new, **missing}


def _moved(old: Config, new: Config, model: type[BaseModel]) -> list[str]:
    """Fields that say where secrets go and have another value; a default counts as a value."""
    before, after = _places(old, model), _places(new, model)
    return [path for path in sorted({*before, *after}) if before.get(path) != after.get(path)]


def _places(config: Config, model: type[BaseModel], path: str = "") -> dict[str, str]:
    """Path -> value, folded, of all fields that say where; models in models too."""
    found: dict[str, str] = {}
    for name, field in model.model_fields.items():
        given = name in config
        value = config[name] if given else field.get_default(call_default_factory=True)
        inner = next((one for one in _arms(field.annotation) if _is_model(one)), None)
        if inner is not None and isinstance(value, Mapping):
            found |= _places(value, inner, f"{path}{name}.")
        elif _WHERE.search(name.lower()) and not _holds_secret(field.annotation):
            found[path + name] = "" if value is None else str(value).strip().lower()
    return found


def _refuse_passwords(config: Config, model: type[BaseModel]) -> None:
    for name, field in model.model_fields.items():
        if _holds_secret(field.annotation):
            continue
        value = config.get(name)
        bare = _WHERE.search(name.lower()) is not None and _BARE.search(str(value)) is not None
        if bare or _has_password(value):
            raise BadInput(
                f"{name} holds a {'' if bare else 'URL with a '}password in it.",
                remedy="Put user and password into the fields that are made for them.",
            )


def _has_password(value: Any) -> bool:
    if isinstance(value, str):
        return _PASSWORD_IN_URL.search(value) is not None
    if isinstance(value, Mapping):
        return any(map(_has_password, value.values()))
    return isinstance(value, list | tuple) and any(map(_has_password, value))


def _without_secrets(value: Any) -> Any:
    if isinstance(value, str):
        return without_secrets(value)
    if isinstance(value, Mapping):
        return {key: _without_secrets(one) for key, one in value.items()}
    return [_without_secrets(one) for one in value] if isinstance(value, list | tuple) else value
