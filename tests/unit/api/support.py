"""What several tests of the API share."""

from __future__ import annotations

# A password that must be found nowhere.
CANARY = "c4n4ry-secret-71b"
