"""Secrets of sources: sealed, opened, masked, kept, and asked for again."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from cryptography.fernet import Fernet
from pydantic import BaseModel, Field, SecretStr

from catalog.errors import BadInput, SourceError, StoreError
from catalog.settings import Settings, settings
from catalog.sources.keyring import Keyring, key_id, keyring
from catalog.sources.secrets import masked, merge_edit, open_secrets, seal

CANARY = "canary-7f3a!"


class Proxy(BaseModel):
    url: str = ""
    token: SecretStr | None = None


class Database(BaseModel):
    host: str
    port: int = 5432
    user: str | None = None
    password: SecretStr | None = None
    proxy: Proxy | None = None
    keys: list[SecretStr] = Field(default_factory=list)
    headers: dict[str, Annotated[SecretStr, Field(min_length=1)]] = Field(default_factory=dict)
    include: list[str] = Field(default_factory=list)


@pytest.fixture
def keys() -> Keyring:
    return Keyring([Fernet.generate_key().decode()], "test")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("CATALOG_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    yield tmp_path / "home"
    settings.cache_clear()


def whole() -> dict[str, Any]:
    return {
        "host": "db",
        "password": CANARY,
        "proxy": {"url": "http://proxy", "token": CANARY},
        "keys": [CANARY, "env:OTHER"],
        "headers": {"authorization": CANARY},
        "include": ["shop.*"],
    }


def test_every_secret_is_sealed_and_opens_again(
    keys: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTHER", "from outside")
    sealed = seal(whole(), Database, keys=keys)
    assert CANARY not in json.dumps(sealed)
    assert sealed["keys"][1] == "env:OTHER"
    assert sealed["password"].startswith("fernet:")
    assert seal(sealed, Database, keys=keys) == sealed
    opened = open_secrets(sealed, Database, keys=keys)
    assert opened == {**whole(), "keys": [CANARY, "from outside"]}
    password = Database.model_validate(opened).password
    assert password is not None
    assert password.get_secret_value() == CANARY


def test_masked_shows_that_there_is_one(keys: Keyring) -> None:
    shown = masked(seal(whole(), Database, keys=keys), Database)
    assert shown == {
        "host": "db",
        "password": "***",
        "proxy": {"url": "http://proxy", "token": "***"},
        "keys": ["***", "***"],
        "headers": {"authorization": "***"},
        "include": ["shop.*"],
    }
    assert masked({"host": "db", "password": None}, Database)["password"] is None
    leaked = masked({"host": "http://u:p@db/?password=x"}, Database)
    assert leaked["host"] == "http://db/?password=***"


@pytest.mark.parametrize("left", ["", "***", "absent"])
def test_a_secret_left_empty_is_kept(keys: Keyring, left: str) -> None:
    old = seal({"host": "db", "password": CANARY}, Database, keys=keys)
    new = {"host": "db", "user": "ada"} | ({} if left == "absent" else {"password": left})
    merged = merge_edit(old, new, Database, keys=keys)
    assert merged == {**old, "user": "ada"}
    assert merge_edit({"host": "db"}, new, Database, keys=keys).get("password") is None


def test_null_takes_a_secret_away_and_a_new_one_replaces(keys: Keyring) -> None:
    old = seal({"host": "db", "password": CANARY}, Database, keys=keys)
    gone = merge_edit(old, {"host": "db", "password": None}, Database, keys=keys)
    assert gone["password"] is None
    new = merge_edit(old, {"host": "other", "password": "second"}, Database, keys=keys)
    assert open_secrets(new, Database, keys=keys) == {"host": "other", "password": "second"}


@pytest.mark.parametrize("moved", [{"host": "evil"}, {"port": 1}])
def test_a_moved_host_asks_again(keys: Keyring, moved: dict[str, Any]) -> None:
    for old in ({"host": "db", "password": CANARY}, {"host": "db", "password": "env:DB"}):
        sealed = seal(old, Database, keys=keys)
        new = {"host": "db", "password": "***", **moved}
        with pytest.raises(BadInput, match="must be entered again") as found:
            merge_edit(sealed, new, Database, keys=keys)
        assert found.value.details["fields"] == ["password"]
        assert CANARY not in str(found.value)
    assert merge_edit({"host": "db"}, {"host": "new"}, Database, keys=keys)["host"] == "new"
    same = {"host": "DB ", "port": 5432, "password": ""}  # the default, and another spelling
    old = seal({"host": "db", "password": CANARY}, Database, keys=keys)
    assert merge_edit(old, same, Database, keys=keys)["password"] == old["password"]


def test_a_moved_place_inside_asks_again_too(keys: Keyring) -> None:
    old = seal({"host": "db", "proxy": {"url": "a", "token": CANARY}}, Database, keys=keys)
    stays = {"host": "db", "proxy": {"url": "a", "token": "***"}}
    assert merge_edit(old, stays, Database, keys=keys) == old
    moved = {"host": "db", "proxy": {"url": "b", "token": "***"}}
    with pytest.raises(BadInput, match=r"proxy.url changed, so proxy.token must"):
        merge_edit(old, moved, Database, keys=keys)


def test_several_keys_the_first_encrypts() -> None:
    one, two = (Fernet.generate_key().decode() for _ in range(2))
    old = Keyring([one], "test").encrypt(CANARY)
    both = Keyring([two, one], "test")
    assert both.decrypt(old) == CANARY
    assert both.encrypt("x").startswith(f"fernet:{key_id(two)}:")
    with pytest.raises(SourceError, match=key_id(one)):
        Keyring([two], "test").decrypt(old)
    with pytest.raises(SourceError, match="damaged"):
        both.decrypt(old[:-4] + "AAA=")
    with pytest.raises(StoreError, match="Key 2 of test is no Fernet key") as found:
        Keyring([one, "not a key"], "test")
    assert "not a key" not in str(found.value)


def test_the_key_file_is_made_once_and_for_its_owner_alone(home: Path) -> None:
    given = Settings(home=home)
    sealed = keyring(given).encrypt(CANARY)
    file = home / "keys"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert os.listdir(home) == ["keys"]
    file.chmod(0o644)
    assert keyring(given).decrypt(sealed) == CANARY
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_text("\n# nothing\n")
    with pytest.raises(StoreError, match="no key in"):
        keyring(given)


def test_no_key_is_made_before_one_is_needed(home: Path) -> None:
    config = {"host": "db", "password": "env:DB_PASSWORD"}
    sealed = seal(config, Database)
    assert masked(sealed, Database)["password"] == "***"
    assert not home.exists()
    seal({"host": "db", "password": CANARY}, Database)
    assert (home / "keys").exists()


def test_keys_of_the_settings_come_first(home: Path) -> None:
    key = Fernet.generate_key().decode()
    given = Settings(home=home, secret_keys=SecretStr(f" {key} ,"))
    assert keyring(given).encrypt("x").startswith(f"fernet:{key_id(key)}:")
    assert not home.exists()


def test_files_and_variables(
    keys: Keyring, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secret"
    file.write_text(f" {CANARY} \n")
    config = {"host": "db", "password": f"file:{file}"}
    assert open_secrets(seal(config, Database), Database)["password"] == f" {CANARY} "
    for broken, said in ((tmp_path / "none", "No such file"), (tmp_path, "no file of at most")):
        with pytest.raises(SourceError, match=said):
            open_secrets({"host": "db", "password": f"file:{broken}"}, Database)
    monkeypatch.delenv("DB_PASSWORD", raising=False)
    with pytest.raises(SourceError, match="DB_PASSWORD, which is not set"):
        open_secrets({"host": "db", "password": "env:DB_PASSWORD"}, Database)
    with pytest.raises(SourceError, match="not known"):
        open_secrets({"host": "db", "password": CANARY}, Database)


def test_no_source_is_given_the_catalogs_own_secrets(home: Path, tmp_path: Path) -> None:
    home.mkdir()
    link = tmp_path / "link"
    link.symlink_to(home / "keys")
    for reference in (
        "env:CATALOG_SECRET_KEYS",
        "env:catalog_database_url",
        f"file:{home}/keys",
        f"file:{link}",
        "file:relative",
        "env:a b",
        "env:",
        "***",
    ):
        with pytest.raises(BadInput):
            seal({"host": "db", "password": reference}, Database)
    with pytest.raises(BadInput):  # linked after it was stored
        open_secrets({"host": "db", "password": f"file:{link}"}, Database)


def test_foreign_ciphertext_is_refused(keys: Keyring) -> None:
    foreign = Keyring([Fernet.generate_key().decode()], "elsewhere").encrypt("x")
    with pytest.raises(SourceError):
        seal({"host": "db", "password": foreign}, Database, keys=keys)


def test_a_password_in_a_url_has_its_own_field() -> None:
    with pytest.raises(BadInput, match="host holds a URL with a password") as found:
        seal({"host": f"postgres://ada:{CANARY}@db"}, Database)
    assert CANARY not in str(found.value)


def test_cryptography_is_not_imported_until_it_is_needed() -> None:
    code = "import sys, catalog.sources.secrets; print('cryptography' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
