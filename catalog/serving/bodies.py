"""What a request's body must be before anything is made of it."""

from __future__ import annotations

import json
from typing import Any

from fastapi import Request
from starlette.exceptions import HTTPException

from catalog.errors import BadInput


class Sent(Request):
    """A request whose JSON is text that can be stored.

    JSON can escape half of a surrogate pair; no encoding takes it, so wherever such text went
    (store, reply, log) a write would fail as if by a fault of ours.
    """

    async def json(self) -> Any:
        """The body; `BadInput` when it holds half a surrogate pair."""
        found = await super().json()
        if b"\\u" in await self.body():
            try:
                json.dumps(found, ensure_ascii=False).encode()
            except UnicodeEncodeError as error:
                half = ord(error.object[error.start])
                raise BadInput(
                    f"The body holds half of a surrogate pair, U+{half:X}.",
                    remedy="Send whole characters.",
                ) from None
        return found


def told(error: HTTPException) -> Exception:
    """What FastAPI made of an error while it read a body, as the error that it was."""
    return error.__cause__ if isinstance(error.__cause__, BadInput) else error
