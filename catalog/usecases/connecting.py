"""Before a source is crawled: which kinds there are, whether it answers, what its patterns select.

Connecting runs in a child process under a time limit: a driver that hangs, crashes or takes the
memory costs this one answer. Only who manages sources may make the catalog connect anywhere.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, SecretBytes, SecretStr
from sqlmodel import Session

from catalog.access.viewer import Viewer
from catalog.crawling.crawler import CheckResult, Crawler, PreviewItem
from catalog.crawling.registry import crawler_class, kinds
from catalog.errors import BadInput, CatalogError, SourceError, Unavailable
from catalog.history.unit import SECRET
from catalog.jobs import cores
from catalog.jobs.workers import child_environment
from catalog.naming import without_secrets
from catalog.settings import Settings
from catalog.sources import secrets
from catalog.sources.configs import PUSH, config_class, validated
from catalog.sources.reads import find

CHECK_SECONDS: Final = 30.0
PREVIEW_SECONDS: Final = 60.0
PREVIEW_LIMIT: Final = 1000
_AT_ONCE: Final = 2
_LARGEST_ANSWER: Final = 8 << 20
_running = threading.BoundedSemaphore(_AT_ONCE)


@dataclass(frozen=True)
class Kind:
    """A kind of source. ``config``: JSON schema of its fields; ``problem``: why it cannot be used
    here (a package is missing), else None."""

    kind: str
    title: str
    version: int | None
    config: Mapping[str, Any] | None
    examples: tuple[str, ...] = ()
    problem: str | None = None


@dataclass(frozen=True)
class Draft:
    """A config that may be connected with: its secrets are open, so it is never shown."""

    kind: str
    config: Mapping[str, Any]


@dataclass(frozen=True)
class Preview:
    """What the patterns select (``filtered_by`` None) and leave out. ``complete``: that is all."""

    items: tuple[PreviewItem, ...]
    complete: bool


def list_kinds(viewer: Viewer) -> tuple[Kind, ...]:
    """All kinds of sources that can be added here, by name, the push last."""
    viewer.require("source")
    return (*map(_kind, kinds()), Kind(PUSH, "Records that are pushed", 1, _schema(PUSH)))


def draft(viewer: Viewer, kind: str, config: Mapping[str, Any]) -> Draft:
    """A config as it was typed, before there is a source. `BadInput`."""
    viewer.require("source")
    model = config_class(kind)
    validated(kind, config)
    return _checked(kind, secrets.open_secrets(secrets.seal(dict(config), model), model))


def draft_of(
    session: Session, viewer: Viewer, source: str, edited: Mapping[str, Any] | None = None
) -> Draft:
    """The config of a source (name or id), or as it would be after an edit.

    A secret that the edit leaves empty is the stored one, unless the host changed (`BadInput`).
    """
    viewer.require("source")
    row = find(session, viewer, source)
    model = config_class(row.kind)
    sealed = json.loads(row.config)
    if edited is not None:
        sealed = secrets.merge_edit(sealed, dict(edited), model)
    return _checked(row.kind, secrets.open_secrets(sealed, model))


def check(settings: Settings, viewer: Viewer, found: Draft) -> CheckResult:
    """Connects and says what works. What does not is an answer too, never an error."""
    viewer.require("source")
    answer = _ask(settings, found, {"do": "check"}, CHECK_SECONDS)
    return CheckResult(
        ok=bool(answer["ok"]),
        message=answer["message"],
        remedy=answer["remedy"],
        details=answer.get("details") or {},
    )


def preview(settings: Settings, viewer: Viewer, found: Draft, limit: int = 200) -> Preview:
    """What the patterns select and leave out, at most ``limit`` names.

    `SourceError` when the source does not answer in time or as it should.
    """
    viewer.require("source")
    if not 1 <= limit <= PREVIEW_LIMIT:
        raise BadInput(f"limit is from 1 to {PREVIEW_LIMIT:,}.", remedy="Ask for fewer names.")
    answer = _ask(settings, found, {"do": "preview", "limit": limit + 1}, PREVIEW_SECONDS)
    if not answer["ok"]:
        raise SourceError(
            f"Nothing can be shown: {answer['message']}",
            remedy=answer["remedy"] or "Check the source first.",
        )
    items = tuple(PreviewItem(**item) for item in answer["items"])
    return Preview(items[:limit], len(items) <= limit)


# --- inside ---------------------------------------------------------------------------------


def _kind(name: str) -> Kind:
    try:
        found = crawler_class(name)
    except CatalogError as error:
        return Kind(name, name, None, None, problem=str(error))
    return Kind(name, found.title, found.version, _schema(name), tuple(found.examples))


def _schema(kind: str) -> Mapping[str, Any]:
    """The JSON schema of a kind's config, with the defaults that pydantic leaves out of it
    because a function makes them: a form shows them too."""
    model = config_class(kind)
    schema = model.model_json_schema()
    for name, field in model.model_fields.items():
        if field.default_factory is not None:
            made = field.get_default(call_default_factory=True)
            if isinstance(made, list | dict):
                schema["properties"][name].setdefault("default", made)
    return schema


def _checked(kind: str, opened: Mapping[str, Any]) -> Draft:
    if kind == PUSH:
        raise BadInput(
            "A source that is pushed to is not connected to.",
            remedy="Send records with `catalog ingest FILE --source NAME`.",
        )
    validated(kind, opened)
    return Draft(kind, opened)


def _ask(settings: Settings, found: Draft, what: dict[str, Any], seconds: float) -> dict[str, Any]:
    """The child's answer, without any of the secrets that it was given."""
    if not _running.acquire(blocking=False):
        raise Unavailable(
            f"{_AT_ONCE} sources are being checked already.",
            remedy="Try again in some seconds.",
            retry_after=5,
        )
    try:
        sent = json.dumps(
            {**what, "kind": found.kind, "config": found.config, "cores": cores.cores()}
        )
        raw = _run_child(settings, sent.encode(), seconds)
    finally:
        _running.release()
    hidden = sorted(set(_secret_values(validated(found.kind, found.config))), key=len)[::-1]
    answer: dict[str, Any] = _masked(raw, hidden)
    return answer


def _run_child(settings: Settings, sent: bytes, seconds: float) -> dict[str, Any]:
    environment = child_environment(settings)
    for name in ("CATALOG_SECRET_KEYS", "CATALOG_DATABASE_URL"):  # it needs no store
        environment.pop(name, None)
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "catalog.usecases.connecting", str(seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
    )
    try:
        out, _ = child.communicate(sent, timeout=seconds)
    except subprocess.TimeoutExpired:
        return _no(
            f"The source did not answer within {seconds:.0f} seconds.",
            "Check host, port and network, or whether the source is busy.",
        )
    finally:
        _end(child)
    try:
        answer: dict[str, Any] = json.loads(out[:_LARGEST_ANSWER])
    except ValueError:
        return _no(
            f"The crawler ended without an answer (exit code {child.returncode}).",
            "This is a fault of the crawler or its driver.",
        )
    return answer


def _end(child: subprocess.Popen[bytes]) -> None:
    """Ends the child with all that it started, unless it has ended by itself: readers of files
    go with the pipe to it."""
    if child.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            pipe.close()


def _no(message: str, remedy: str | None) -> dict[str, Any]:
    return {"ok": False, "message": message, "remedy": remedy}


def _secret_values(value: Any) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, SecretBytes):
        yield value.get_secret_value().decode("utf-8", "replace")
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secret_values(getattr(value, name))
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _secret_values(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _secret_values(one)


def _masked(value: Any, hidden: list[str]) -> Any:
    if isinstance(value, str):
        for secret in hidden:
            if secret:
                value = value.replace(secret, SECRET)
        return without_secrets(value)
    if isinstance(value, dict):
        return {key: _masked(one, hidden) for key, one in value.items()}
    return [_masked(one, hidden) for one in value] if isinstance(value, list) else value


# --- the child ------------------------------------------------------------------------------


def _answer(asked: Mapping[str, Any]) -> dict[str, Any]:
    kind = asked["kind"]
    crawler: Crawler[Any] = crawler_class(kind)(validated(kind, asked["config"]))
    try:
        if asked["do"] == "check":
            result = crawler.check()
            said = {"ok": result.ok, "message": result.message, "remedy": result.remedy}
            return {**said, "details": dict(result.details)}
        items = []
        for item in crawler.preview(asked["limit"]):
            items.append({"name": item.name, "kind": item.kind, "filtered_by": item.filtered_by})
            if len(items) >= asked["limit"]:
                break
        return {"ok": True, "message": "", "remedy": None, "items": items}
    finally:
        crawler.close()


def main() -> None:
    """The child: one question on standard input, one answer on standard output."""
    signal.alarm(int(float(sys.argv[1])) + 5)  # also when nobody is left to end it
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a driver prints is no answer
    try:
        asked = json.load(sys.stdin)
        cores.take(asked.get("cores", ()))
        answer = _answer(asked)
    except CatalogError as error:
        answer = _no(error.message, error.remedy)
    except Exception as error:
        answer = _no(f"{type(error).__name__}: {error}"[:500], "This is a fault of the crawler.")
    with out:
        json.dump(answer, out, default=str)


if __name__ == "__main__":
    main()
