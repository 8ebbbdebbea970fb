"""The viewer: who reads or writes. Every public function of a noun's room takes one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from catalog.access.expression import Everything, Expression
from catalog.errors import NotAllowed
from catalog.types import ROLES, Role

# What each role may do beyond the role below it.
ACTIONS: Final[dict[str, Role]] = {
    "read": "viewer",
    "flag": "viewer",  # one's own trust flag
    "own": "viewer",  # one's own tokens, sessions and password
    "edit": "editor",  # facts of what one sees
    "hold": "steward",  # confirm held removals
    "mute": "steward",  # mute problems
    "bulk": "steward",
    "source": "admin",  # sources, schedules, crawls
    "ingest": "admin",  # push records; or a token with scope ingest:SOURCE
    "user": "admin",
    "token": "admin",  # others' tokens
    "settings": "admin",
}
# Which scope of a token permits an action; the role must permit it as well.
_SCOPE_OF: Final[dict[str, str]] = {
    "read": "read",
    "flag": "write",
    "own": "write",
    "edit": "write",
    "hold": "write",
    "mute": "write",
    "bulk": "write",
}


@dataclass(frozen=True)
class Viewer:
    """``actor`` as written to the change log. ``scopes`` empty: all that the role may.

    ``person``: integer key of the person, None for services and the system.
    """

    actor: str
    role: Role
    scopes: frozenset[str] = frozenset()
    user: int | None = None
    person: int | None = None
    name: str = ""

    def may(self, action: str, *, source: str | None = None) -> bool:
        """Whether role and scopes permit the action (``source``: short name, for ingest)."""
        if action == "ingest" and source is not None and f"ingest:{source}" in self.scopes:
            return True
        if ROLES.index(self.role) < ROLES.index(ACTIONS[action]):
            return False
        if not self.scopes:
            return True
        needed = _SCOPE_OF.get(action, "admin")
        if needed == "read" and "write" in self.scopes:
            return True
        return needed in self.scopes or "admin" in self.scopes

    def require(self, action: str, *, source: str | None = None) -> None:
        """Raises `NotAllowed` unless `may`."""
        if not self.may(action, source=source):
            raise NotAllowed(
                f"{self.name or self.actor} may not do this: it needs the role "
                f"{ACTIONS[action]}{' and a token scope that permits it' if self.scopes else ''}.",
                remedy="Ask an admin of the catalog.",
            )


SYSTEM: Final = Viewer(actor="system", role="admin", name="system")

_policy: Callable[[Viewer], Expression] = lambda _viewer: Everything()  # noqa: E731


def visible(viewer: Viewer) -> Expression:
    """What the viewer may see: the one filter that every read applies."""
    return _policy(viewer)


def install_policy(policy: Callable[[Viewer], Expression]) -> Callable[[Viewer], Expression]:
    """Sets the policy and returns the one before. Wiring does it at start, tests to restrict."""
    global _policy
    before, _policy = _policy, policy
    return before
