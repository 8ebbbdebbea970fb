"""Settings: one frozen class, prefix ``CATALOG_``, read once per process."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


def _default_home() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "catalog"
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "catalog"


class Settings(BaseSettings):
    """All settings; each field is an environment variable ``CATALOG_`` + its name in capitals."""

    model_config = SettingsConfigDict(env_prefix="CATALOG_", frozen=True, extra="ignore")

    home: Path = Field(
        default_factory=_default_home,
        description="Folder of store, index, keys and logs; made with mode 0700.",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="PostgreSQL URL of the store; without it SQLite in the home folder.",
    )
    host: str = Field(default="127.0.0.1", description="Address to serve on.")
    port: int = Field(default=8585, ge=0, le=65535, description="Port to serve on.")
    base_url: str | None = Field(
        default=None,
        description="Address that people reach the catalog by, for links; default: host and port.",
    )
    secret_keys: SecretStr | None = Field(
        default=None,
        description="Fernet keys for stored secrets, comma separated; the first encrypts. "
        "Default: the file keys in the home folder, made at first start.",
    )
    threads: int = Field(
        default=8, ge=1, le=64, description="Threads for requests, and database connections."
    )
    cores: int = Field(
        default=1, ge=0, description="Processor cores that requests are answered on; 0: all."
    )
    scheduler: bool = Field(default=True, description="Whether this process runs schedules.")
    token_days: int = Field(default=365, ge=1, description="Default life of a token in days.")
    session_days: int = Field(default=14, ge=1, description="Life of a session in days.")
    login_minutes: int = Field(
        default=60, ge=1, description="Life of a one-time login link in minutes."
    )
    disk_reserve: int = Field(
        default=1 << 30, ge=0, description="Bytes that crawls leave free on the home's disk."
    )
    body_limit: int = Field(
        default=16 << 20, ge=1024, description="Largest request body in bytes, streams excepted."
    )
    log_level: str = Field(default="info", description="debug, info, warning or error.")
    log_json: bool = Field(default=False, description="Logs as JSON lines.")

    @property
    def store_url(self) -> str:
        """SQLAlchemy URL of the store."""
        if self.database_url is not None:
            url = self.database_url.get_secret_value()
            scheme, sep, rest = url.partition("://")
            if scheme in ("postgres", "postgresql"):
                return f"postgresql+psycopg{sep}{rest}"
            return url
        return f"sqlite:///{self.home / 'catalog.db'}"

    @property
    def is_sqlite(self) -> bool:
        """Whether the store is the SQLite file in the home folder."""
        return self.store_url.startswith("sqlite")

    @property
    def index_folder(self) -> Path:
        """Folder of the search index."""
        return self.home / "index"

    def make_home(self) -> Path:
        """Makes the home folder if it is not there, readable by its owner alone."""
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self.home


@cache
def settings() -> Settings:
    """The settings of this process."""
    return Settings()


def shipped(name: str) -> Path:
    """Folder of packaged files: ``web`` or ``migrations``.

    The checkout's folder when the package lies in a checkout, the packaged copy otherwise.
    """
    package = Path(__file__).resolve().parent
    checkout = package.parent / name
    if (package.parent / "pyproject.toml").is_file() and checkout.is_dir():
        return checkout
    return package / f"_{name}"
