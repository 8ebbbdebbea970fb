"""Sub-resources of an asset exist twice, by id and by name: `Pair` makes both of one endpoint.

Names are taken in all forms of `catalog.assets.resolve`; the reply says ``matched_by``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final, get_type_hints

import msgspec
from fastapi import Path, Query
from sqlalchemy import Connection
from starlette.responses import Response

from catalog.access.viewer import Viewer
from catalog.assets.links import asset_url
from catalog.assets.resolve import Match, resolve, resolve_id
from catalog.naming import canonical, id_text
from catalog.serving.call import Call, CallArg, reply
from catalog.serving.routing import Mounting, Router

NameQuery = Annotated[
    str,
    Query(
        description="Id, canonical name, alias, URN, models:/NAME/VERSION, SOURCE.rest, location, "
        "or the last parts of the name; behind # a column.",
        examples=["postgres://db:5432/shop.public.orders", "wh.shop.public.orders", "s3://lake/x"],
    ),
]
NamespaceQuery = Annotated[
    str | None, Query(description="With it, name is exactly the name in this namespace.")
]
ClassQuery = Annotated[
    str | None, Query(alias="class", description="Leaves out assets of other classes.")
]
IdPath = Annotated[str, Path(description="Public id of the asset.")]
ColumnQuery = Annotated[str | None, Query(description="Field path of a column.")]
LimitQuery = Annotated[int, Query(description="Items on the page.")]
CursorQuery = Annotated[str | None, Query(description="`next` of the page before.")]
AsOfQuery = Annotated[
    str | None,
    Query(
        description="The state at a time (RFC 3339), at the end of a date, or at a sequence.",
        examples=["2026-11-22T09:00:00Z", "2026-11-22", "4711"],
    ),
]
ListQuery = Annotated[list[str], Query()]
EXAMPLE_ID: Final = "019ab0c4-5f1e-7c3a-9d2b-3e4f5a6b7c8d"
_BY_NAME: Final = "/assets/by-name"
_BY_ID: Final = "/assets/{id}"


class AssetRef(msgspec.Struct, frozen=True):
    """The asset that a reply is about. ``name``: canonical."""

    id: str
    url: str
    name: str
    kind: str
    state: str


@dataclass(frozen=True)
class Asked:
    """How the asset was asked for: by name (perhaps a pair with ``namespace``), or by id."""

    name: str
    namespace: str | None = None
    asset_class: str | None = None
    by_id: bool = False

    @property
    def text(self) -> str:
        """The name as one text."""
        return self.name if self.namespace is None else canonical(self.namespace, self.name)

    def match(self, connection: Connection, viewer: Viewer, column: str | None = None) -> Match:
        """The visible asset; see `catalog.assets.resolve` for what it raises."""
        if not self.by_id:
            return resolve(
                connection,
                viewer,
                self.name,
                namespace=self.namespace,
                asset_class=self.asset_class,
                column=column,
            )
        match = resolve_id(connection, viewer, self.name)
        return match if column is None else replace(match, column=column)


def ref(match: Match) -> AssetRef:
    """What a reply says of the asset that was meant."""
    row = match.row
    return AssetRef(id_text(match.uid), asset_url(match.uid), match.name, row.kind, row.state)


def of_asset(name: str, content: Any) -> type[msgspec.Struct]:
    """The reply of a sub-resource: ``asset``, ``matched_by``, and the fields of ``content``."""
    fields = [(one.name, one.type) for one in msgspec.structs.fields(content)]
    made = msgspec.defstruct(name, [("asset", AssetRef), ("matched_by", str), *fields], frozen=True)
    made.__doc__ = f"`{name}`: of one asset. {inspect.getdoc(content) or ''}"
    return made


def told(shape: type[msgspec.Struct], match: Match, content: Any, **more: Any) -> Response:
    """The reply of a sub-resource made by `of_asset`; ``more`` as of `reply`."""
    values = (getattr(content, name) for name in shape.__struct_fields__[2:])
    return reply(shape(ref(match), match.matched_by, *values), **more)


Endpoint = Callable[..., Any]
"""Takes ``call`` and ``asked``, then parameters that FastAPI reads."""


class Pair:
    """Mounts each endpoint at ``/assets/by-name/X`` and at ``/assets/{id}/X``."""

    def __init__(self, router: Router) -> None:
        self._router = router

    def route(self, method: str, sub: str, *, action: str, **more: Any) -> Mounting:
        """``sub``: ``""`` (the asset itself) or ``/X``; the rest as of `Router.route`."""

        def mount(endpoint: Endpoint) -> Endpoint:
            # by-name first: else it would be taken for an id.
            self._router.route(method, _BY_NAME + sub, action=action, **more)(by_name(endpoint))
            self._router.route(method, _BY_ID + sub, action=action, **more)(by_id(endpoint))
            return endpoint

        return mount

    def get(self, sub: str, **more: Any) -> Mounting:
        """A pair of GET routes."""
        return self.route("GET", sub, action="read", **more)

    def patch(self, sub: str, *, action: str, **more: Any) -> Mounting:
        """A pair of PATCH routes."""
        return self.route("PATCH", sub, action=action, **more)


def by_name(endpoint: Endpoint) -> Endpoint:
    """The endpoint, asked by ``name``, ``namespace`` and ``class``."""

    def asked_by_name(
        call: Call,
        name: str,
        namespace: str | None = None,
        asset_class: str | None = None,
        **values: Any,
    ) -> Any:
        return endpoint(call, Asked(name, namespace, asset_class), **values)

    added = {"name": NameQuery, "namespace": NamespaceQuery, "asset_class": ClassQuery}
    return _signed(asked_by_name, endpoint, "by_name", added)


def by_id(endpoint: Endpoint) -> Endpoint:
    """The endpoint, asked by the ``id`` in the path."""

    def asked_by_id(call: Call, id: str, **values: Any) -> Any:
        return endpoint(call, Asked(id, by_id=True), **values)

    return _signed(asked_by_id, endpoint, "by_id", {"id": IdPath})


def _signed(made: Endpoint, endpoint: Endpoint, suffix: str, added: Mapping[str, Any]) -> Endpoint:
    """Gives ``made`` the parameters of the endpoint, with ``added`` instead of ``asked``."""
    hints = get_type_hints(endpoint, include_extras=True)
    own = list(inspect.signature(endpoint).parameters.values())[2:]
    parameters = [_parameter("call", CallArg)]
    parameters += [
        _parameter(name, kind, None if "None" in str(kind) else inspect.Parameter.empty)
        for name, kind in added.items()
    ]
    parameters += [_parameter(one.name, hints[one.name], one.default) for one in own]
    made.__name__ = f"{endpoint.__name__}_{suffix}"
    made.__doc__ = endpoint.__doc__
    made.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return made


def _parameter(
    name: str, annotation: Any, default: Any = inspect.Parameter.empty
) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default
    )
