"""The access to a server: credentials, trusted authorities, and how long to wait."""

import ssl
from pathlib import Path
from typing import Any, Self

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings

from mlmon.elastic.errors import WrongValueError
from mlmon.elastic.keyring import API_KEY_ACCOUNT, read_secret


class Access(BaseSettings):
    """Settings that Elasticsearch and Kibana have in common.

    Secrets are `SecretStr`, so that no repr, log line or error shows them.
    """

    api_key: SecretStr | None = Field(None, description="API key, in the encoded form")
    api_key_file: Path | None = Field(None, description="file that holds the API key")
    username: str | None = Field(None, description="user, where there is no API key")
    password: SecretStr | None = Field(None, description="password of that user")
    password_file: Path | None = Field(None, description="file that holds the password")
    keyring: str | None = Field(
        None,
        min_length=1,
        description="service of the system's keyring that holds the API key, under the account "
        "`api_key`, or the user's password, under the user's name",
    )
    ca_certs: Path | None = Field(
        None, description="PEM file of the authorities that sign the cluster's certificate"
    )
    request_timeout: float = Field(
        60.0, gt=0, le=3600, description="seconds after which a request without answer fails"
    )

    @field_validator("api_key", "username", "password")
    @classmethod
    def _check_text(cls, value: SecretStr | str | None, info: ValidationInfo) -> Any:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if text is not None and (problem := credential_problem(text, str(info.field_name))):
            raise ValueError(problem)
        return value

    @model_validator(mode="after")
    def _check_credentials(self) -> Self:
        keys = self.api_key is not None or self.api_key_file is not None
        passwords = self.password is not None or self.password_file is not None
        user, ring = self.username is not None, self.keyring is not None
        if keys and user:
            raise ValueError("set an API key or a user name, not both")
        if ring and (keys or passwords):
            raise ValueError("set a secret or the keyring that holds it, not both")
        if user != (passwords or (ring and user)):
            raise ValueError("a user name and a password go together")
        return self

    def credentials(self) -> tuple[str, str] | str | None:
        """Return (user, password), an API key, or None; reads the named files or the keyring.

        Raises:
            UserError: A named file cannot be read or is empty, or the keyring lacks the secret.
        """
        if self.keyring is not None:
            secret = read_secret(self.keyring, self.username or API_KEY_ACCOUNT)
            kind = "api_key" if self.username is None else "password"
            _check_credential(secret, kind, f"of the keyring {self.keyring!r}")
            return secret if self.username is None else (self.username, secret)
        if self.username is not None:
            return self.username, _secret(self.password, self.password_file, "password")
        if self.api_key is not None or self.api_key_file is not None:
            return _secret(self.api_key, self.api_key_file, "api_key")
        return None

    def trusted(self, url: str) -> ssl.SSLContext:
        """Return the trust for a URL: the pinned authorities, or those of the system.

        Raises:
            UserError: The authorities' file cannot be read.
        """
        if not url.startswith("https:"):
            # Reading the system's authorities takes a twentieth of a second; this trusts nobody.
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if self.ca_certs is None:
            return ssl.create_default_context()
        try:
            return ssl.create_default_context(cafile=self.ca_certs)
        except (OSError, ssl.SSLError) as error:
            raise WrongValueError(
                f"{self.ca_certs} cannot be read: {error}",
                f"Correct {self.model_config['env_prefix']}CA_CERTS.",
            ) from error


def credential_problem(text: str, kind: str) -> str:
    """Return what makes a credential unusable, empty where nothing does; never the credential.

    Args:
        text: The credential.
        kind: `api_key`, `username` or `password`.
    """
    if not text:
        return "it is empty"
    if text != text.strip():
        return "it begins or ends with a space or a line break, which no credential does"
    if not text.isprintable():
        return "it holds a line break or another control character"
    if kind == "api_key" and (not text.isascii() or " " in text):
        return "an API key in its encoded form has letters, digits and + / = - _ only"
    if kind == "username" and ":" in text:
        return "a user name has no colon"
    return ""


def _check_credential(text: str, kind: str, where: str) -> None:
    if problem := credential_problem(text, kind):
        raise WrongValueError(
            f"The {kind.replace('_', ' ')} {where} cannot be used: {problem}", "Store it again."
        )


def _secret(value: SecretStr | None, path: Path | None, kind: str) -> str:
    if value is not None:
        return value.get_secret_value()
    try:
        text = path.read_text(encoding="utf-8").strip() if path else ""
    except (OSError, UnicodeDecodeError) as error:
        raise WrongValueError(
            f"The secret in {path} cannot be read: {error}", "Correct the path."
        ) from error
    if not text:
        raise WrongValueError(f"{path} holds no secret", "Write the secret into it.")
    _check_credential(text, kind, f"in {path}")
    return text
