"""How `mlmon serve` listens, and how people sign in: `MLMON_SERVE_…` first, `[serve]` second."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path  # noqa: TC003 - pydantic reads it
from typing import ClassVar, Final, Self

from pydantic import Field, SecretStr, model_validator

from mlmon.elastic.errors import WrongValueError
from mlmon.elastic.keyring import read_secret
from mlmon.elastic.section import SettingsSection

LOOPBACK: Final = "127.0.0.1"
TOKEN_ACCOUNT: Final = "token"  # noqa: S105 - the account's name
_SHORTEST_TOKEN: Final = 16


class ServeSettings(SettingsSection):
    """The table `[serve]`.

    Without a token and without `cluster_users` nobody can sign in: pages only show.
    """

    section: ClassVar = "serve"

    host: str = Field(LOOPBACK, description="address to listen on")
    port: int = Field(8050, ge=0, le=65_535, description="port; 0 takes a free one")
    certificate: Path | None = Field(None, description="PEM file of the certificate, for TLS")
    key: Path | None = Field(None, description="PEM file of the certificate's key")
    token: SecretStr | None = Field(
        None, description="secret with which people sign in to act, 16 characters at least"
    )
    token_file: Path | None = Field(None, description="file that holds the token")
    token_keyring: str | None = Field(
        None,
        min_length=1,
        description="service of the system's keyring that holds the token, under the account "
        "`token`",
    )
    cluster_users: bool = Field(
        default=False,
        description="whether users and API keys of the cluster sign in to act, if they may write "
        "incident changes",
    )
    connections: int = Field(100, ge=4, description="most connections at once")

    @model_validator(mode="after")
    def _check(self) -> Self:
        given = [self.token, self.token_file, self.token_keyring]
        if sum(value is not None for value in given) > 1:
            raise ValueError("set one of token, token_file and token_keyring")
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key go together")
        return self

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)

    def secret_token(self) -> str | None:
        """Return the token, None where there is none.

        Raises:
            WrongValueError: It cannot be read, or is too short.
        """
        if self.token is not None:
            token = self.token.get_secret_value()
        elif self.token_file is not None:
            token = _read(self.token_file)
        elif self.token_keyring is not None:
            token = read_secret(self.token_keyring, TOKEN_ACCOUNT)
        else:
            return None
        if len(token) < _SHORTEST_TOKEN:
            raise WrongValueError(
                f"The token of `mlmon serve` has fewer than {_SHORTEST_TOKEN} characters",
                'Make one with `python -c "import secrets; print(secrets.token_urlsafe(24))"`.',
            )
        return token


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise WrongValueError(
            f"The token in {path} cannot be read: {type(error).__name__}", "Correct the path."
        ) from None
