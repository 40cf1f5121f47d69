"""Secrets come from the system's keyring where there is one, and its absence is a clear error."""

import sys
from collections.abc import Iterator

import keyring
import keyring.backends.fail
import pytest
from keyring.backend import KeyringBackend

from mlmon.elastic.errors import UserError
from mlmon.elastic.settings import load_settings


class InMemory(KeyringBackend):
    """A keyring of this process, through the library's own seam for backends."""

    priority = 1.0  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self._secrets: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        """Return a secret, None where there is none."""
        return self._secrets.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep a secret."""
        self._secrets[service, username] = password


@pytest.fixture(autouse=True)
def _ring(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(InMemory())
    monkeypatch.setenv("MLMON_KEYRING", "mlmon")
    yield
    keyring.set_keyring(before)


def test_a_key_comes_from_the_keyring() -> None:
    """Without a user, the account `api_key` of the named service is the API key."""
    keyring.set_password("mlmon", "api_key", "c2VjcmV0")
    settings = load_settings()
    assert settings.credentials() == "c2VjcmV0"
    assert "c2VjcmV0" not in f"{settings!r} {settings.model_dump_json()}"


def test_a_password_comes_from_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a user, the account of that name holds the password."""
    keyring.set_password("mlmon", "shipper", "hunter2")
    monkeypatch.setenv("MLMON_USERNAME", "shipper")
    assert load_settings().credentials() == ("shipper", "hunter2")


def test_a_secret_that_is_not_there_names_how_to_store_it() -> None:
    """The hint is the command that asks for the secret, which is on no command line."""
    with pytest.raises(UserError, match="no secret of service 'mlmon', account 'api_key'") as error:
        load_settings().credentials()
    assert "`keyring set mlmon api_key`" in error.value.hint


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where `keyring` is not installed, the error says what to install."""
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(UserError, match="library `keyring` is not installed") as error:
        load_settings().credentials()
    assert "mlmon[keyring]" in error.value.hint


def test_a_system_without_a_keyring_is_an_error() -> None:
    """Where no backend works, as in a container, files are named as the other way."""
    keyring.set_keyring(keyring.backends.fail.Keyring())
    with pytest.raises(UserError, match="The keyring cannot be read") as error:
        load_settings().credentials()
    assert "MLMON_API_KEY_FILE" in error.value.hint


@pytest.mark.parametrize(
    "variables",
    [
        {"MLMON_API_KEY": "c2VjcmV0"},
        {"MLMON_API_KEY_FILE": "key"},
        {"MLMON_USERNAME": "shipper", "MLMON_PASSWORD": "hunter2"},
    ],
)
def test_a_secret_and_a_keyring_exclude_each_other(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two places for one secret are refused: which one counts would be a guess."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match="a secret or the keyring that holds it, not both"):
        load_settings()
