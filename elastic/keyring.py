"""Secrets from the system's keyring (Keychain, Secret Service, Windows' Credential Locker).

The library `keyring` is optional: `pip install 'mlmon[keyring]'`. A secret gets there by its own
command, which asks for it: `keyring set SERVICE ACCOUNT`.
"""

from typing import Final

from mlmon.elastic.errors import UserError

API_KEY_ACCOUNT: Final = "api_key"
"""The account under which an API key lies; a password lies under its user's name."""


def read_secret(service: str, account: str) -> str:
    """Return a secret of the keyring.

    Raises:
        UserError: The library is not installed, the system has no keyring or does not open it, or
            it does not hold the secret.
    """
    try:
        import keyring
        import keyring.errors
    except ImportError:
        raise UserError(
            "MLMON_KEYRING is set, and the library `keyring` is not installed",
            "Install it with `pip install 'mlmon[keyring]'`, or set another MLMON_ variable.",
        ) from None
    try:
        secret = keyring.get_password(service, account)
    except keyring.errors.KeyringError as error:
        raise UserError(
            f"The keyring cannot be read: {error or type(error).__name__}",
            "Unlock it, or set MLMON_API_KEY_FILE or MLMON_PASSWORD_FILE instead.",
        ) from None
    if not secret:
        raise UserError(
            f"The keyring holds no secret of service {service!r}, account {account!r}",
            f"Store it with `keyring set {service} {account}`, which asks for it.",
        )
    return secret
