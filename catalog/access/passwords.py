"""Passwords: argon2id hashes, and a guard against guessing.

Parameters after OWASP's password storage cheat sheet (19 MiB, two passes, one lane): a check
takes some 20 ms. At most two run at a time, so that signing in never takes the server's memory.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from functools import cache
from typing import TYPE_CHECKING, Final

from catalog.errors import BadInput, TooMany
from catalog.model import clock

if TYPE_CHECKING:
    from pwdlib import PasswordHash

SHORTEST: Final = 8
LONGEST: Final = 1024
_GUESSED_FIRST: Final = """
password password1 passw0rd 12345678 123456789 1234567890 qwertyuiop qwerty123 iloveyou 11111111
00000000 abcd1234 changeme changeit changeme1 letmein1 welcome1 administrator adminadmin admin123
admin1234 catalog1 datacatalog catalogadmin
"""
_COMMON: Final = frozenset(_GUESSED_FIRST.split())
_running = threading.BoundedSemaphore(2)


@cache
def _hasher() -> PasswordHash:
    from pwdlib import PasswordHash
    from pwdlib.hashers.argon2 import Argon2Hasher

    return PasswordHash([Argon2Hasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)])


@cache
def _nobody() -> str:
    """A hash that no password fits: what an unknown login is checked against."""
    import secrets

    return hash_password(secrets.token_urlsafe(32))


def check_strength(password: str, login: str) -> None:
    """Raises `BadInput` for a password that is too short, too long, or guessed first."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise BadInput(
            f"The password has {len(password)} characters.",
            remedy=f"Take one of {SHORTEST} to {LONGEST}; a sentence is good.",
        )
    if password.lower() in _COMMON or password.lower().strip() == login.lower():
        raise BadInput(
            "The password is the login or one of the first that anybody tries.",
            remedy="Take another one; a sentence is good.",
        )


def hash_password(password: str) -> str:
    """Argon2id hash with its parameters and salt, as text."""
    with _running:
        return _hasher().hash(password)


def verify_password(password: str, stored: str | None) -> bool:
    """Whether the password fits; takes as long for ``stored`` None, and is then False."""
    if len(password) > LONGEST:
        password = password[:LONGEST] + "\0"  # fits nothing, costs no more
    known = stored if stored is not None else _nobody()
    with _running:
        fits = _hasher().verify(password, known)
    return fits and stored is not None


class Guard:
    """Counts failed attempts in memory and refuses further ones for a while.

    Per login and address, per address, and per login from everywhere, in a window of
    ``window`` microseconds. Memory is bounded; the oldest entries go first.
    """

    LIMITS: Final = {"pair": 5, "address": 30, "login": 100}
    ENTRIES: Final = 20_000

    def __init__(self, window: int = 15 * clock.MINUTE) -> None:
        self.window = window
        self._failures: OrderedDict[tuple[str, str, str], deque[int]] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, login: str, address: str) -> None:
        """Raises `TooMany` with ``retry_after`` (seconds) after too many failures."""
        now = clock.now()
        with self._lock:
            waits = [self._wait(key, now) for key in _keys(login, address)]
        if (wait := max(waits)) > 0:
            seconds = wait // clock.SECOND + 1
            raise TooMany(
                "There were too many failed attempts to sign in.",
                remedy=f"Try again in {seconds // 60 + 1} minutes.",
                retry_after=seconds,
            )

    def failed(self, login: str, address: str) -> None:
        """Notes a failure."""
        now = clock.now()
        with self._lock:
            for key in _keys(login, address):
                times = self._failures.setdefault(key, deque(maxlen=self.LIMITS[key[0]]))
                times.append(now)
                self._failures.move_to_end(key)
            while len(self._failures) > self.ENTRIES:
                self._failures.popitem(last=False)

    def succeeded(self, login: str, address: str) -> None:
        """Forgets the failures of this login from this address."""
        with self._lock:
            self._failures.pop(_keys(login, address)[0], None)

    def _wait(self, key: tuple[str, str, str], now: int) -> int:
        """Microseconds until the oldest counted failure leaves the window; 0: go on."""
        times = self._failures.get(key)
        if times is None or len(times) < self.LIMITS[key[0]]:
            return 0
        return max(0, times[0] + self.window - now)


def _keys(login: str, address: str) -> tuple[tuple[str, str, str], ...]:
    login = login[:200]
    return ("pair", login, address), ("address", "", address), ("login", login, "")
