"""How a user wants pages: theme and time zone. Nobody else reads them; they make no change."""

from __future__ import annotations

from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Connection, select

from catalog.access.viewer import Viewer
from catalog.errors import BadInput
from catalog.history import dialect
from catalog.history.store import table_of
from catalog.history.unit import Unit
from catalog.model import Preference

THEMES: Final = ("light", "dark")
_PREFERENCE = table_of(Preference)


class Preferences(NamedTuple):
    """``theme``: light, dark or None (the system's); ``zone``: IANA name, None (the browser's)."""

    theme: str | None = None
    zone: str | None = None


def preferences_of(connection: Connection, viewer: Viewer) -> Preferences:
    """The viewer's own."""
    if viewer.user is None:
        return Preferences()
    row = connection.execute(
        select(_PREFERENCE.c.theme, _PREFERENCE.c.zone).where(_PREFERENCE.c.user == viewer.user)
    ).first()
    return Preferences() if row is None else Preferences(row.theme, row.zone)


def set_preferences(unit: Unit, viewer: Viewer, wanted: Preferences) -> None:
    """Writes the viewer's own; `BadInput` for a theme or time zone that is not known."""
    viewer.require("own")
    if viewer.user is None:
        raise BadInput("Only a user has preferences.", remedy="Sign in as one.")
    if wanted.theme is not None and wanted.theme not in THEMES:
        raise BadInput(
            f"There is no theme {wanted.theme[:40]!r}.", remedy="Use light, dark or none."
        )
    if wanted.zone is not None and not is_zone(wanted.zone):
        raise BadInput(
            f"There is no time zone {wanted.zone[:60]!r}.", remedy="Write one like Europe/Paris."
        )
    statement = dialect.insert(unit.connection, _PREFERENCE).values(
        user=viewer.user, theme=wanted.theme, zone=wanted.zone
    )
    unit.connection.execute(
        statement.on_conflict_do_update(
            index_elements=["user"], set_={"theme": wanted.theme, "zone": wanted.zone}
        )
    )


def is_zone(name: str) -> bool:
    """Whether it is the name of an IANA time zone."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
