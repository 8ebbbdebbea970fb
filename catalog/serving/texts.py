"""Endpoints whose parameters are texts only are called without FastAPI's solving of parameters.

Solving costs more than authentication; the hot reads take nothing but texts. What is not plain
(a required parameter is missing) is left to FastAPI, so that errors are the same.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from fastapi.dependencies.models import Dependant
from starlette.datastructures import QueryParams

_TEXTS: Final = (str, str | None)


class Text(NamedTuple):
    """A parameter: its name in Python, its name in the request, whether it must be there."""

    name: str
    alias: str
    required: bool
    default: str | None


class Texts(NamedTuple):
    """All parameters of an endpoint."""

    query: tuple[Text, ...]
    path: tuple[Text, ...]

    def read(self, given: QueryParams, path: Mapping[str, Any]) -> dict[str, Any] | None:
        """Values by name, of a repeated parameter the last; None: one that must be is not there."""
        values = {one.name: path[one.alias] for one in self.path}
        for one in self.query:
            value = given.get(one.alias)
            if value is None and one.required:
                return None
            values[one.name] = one.default if value is None else value
        return values


def texts_of(endpoint: Any, dependant: Dependant) -> Texts | None:
    """The parameters of a sync endpoint that takes texts in query and path and nothing else but
    its call; None for any other."""
    other = (dependant.header_params, dependant.cookie_params, dependant.body_params)
    calls = [one.call for one in dependant.dependencies]
    if any(other) or len(calls) != 1 or inspect.iscoroutinefunction(endpoint):
        return None
    fields = [*dependant.query_params, *dependant.path_params]
    for field in fields:
        if field.field_info.annotation not in _TEXTS or field.field_info.metadata:
            return None
    query, path = (
        tuple(
            Text(
                field.name,
                field.alias,
                field.field_info.is_required(),
                None if field.field_info.is_required() else field.field_info.default,
            )
            for field in group
        )
        for group in (dependant.query_params, dependant.path_params)
    )
    return Texts(query, path)
