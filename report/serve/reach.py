"""Who can reach `mlmon serve`, under which names, and what that demands. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from mlmon.elastic.errors import WrongValueError
from mlmon.report.serve.settings import LOOPBACK, is_loopback

if TYPE_CHECKING:
    from mlmon.report.serve.settings import ServeSettings

_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Reach:
    """What a server answers to.

    Args:
        url: Where it listens.
        origins: The origins of its own pages, such as `https://mlmon.example`.
        secure: Whether browsers reach it over TLS, its own or a proxy's.
        closed: Whether it shows pages only to those who signed in.
    """

    url: str
    origins: frozenset[str]
    secure: bool
    closed: bool

    @property
    def hosts(self) -> frozenset[str]:
        """The values of the header `Host` that it answers to.

        Another site's name that is made to point here (DNS rebinding) is not among them.
        """
        return frozenset(origin.partition("://")[2] for origin in self.origins)


def check_reach(settings: ServeSettings, public_url: str | None, *, has_sign_in: bool) -> None:
    """Check that a server which others can reach is protected.

    Args:
        settings: How it listens.
        public_url: `[alerting] serve_url`: how people reach it; None where that is not set.
        has_sign_in: Whether people can sign in.

    Raises:
        WrongValueError: It lacks TLS, a way to sign in, or a name.
    """
    sign_in = "Set MLMON_SERVE_TOKEN_FILE, or MLMON_SERVE_CLUSTER_USERS=true."
    if not settings.on_loopback:
        if settings.certificate is None:
            raise WrongValueError(
                f"Listening on {settings.host} needs TLS",
                "Set MLMON_SERVE_CERTIFICATE and MLMON_SERVE_KEY, or listen on 127.0.0.1.",
            )
        if not has_sign_in:
            raise WrongValueError(f"Listening on {settings.host} needs a way to sign in", sign_in)
        if _is_wildcard(settings.host) and public_url is None:
            raise WrongValueError(
                f"Listening on {settings.host} needs the name that people use",
                "Set MLMON_ALERTING_SERVE_URL, such as https://mlmon.example:8050.",
            )
    if public_url and not has_sign_in and not is_loopback(urlsplit(public_url).hostname or ""):
        raise WrongValueError(
            f"`mlmon serve` is reached at {public_url} and has no way to sign in", sign_in
        )


def reach(settings: ServeSettings, public_url: str | None, port: int) -> Reach:
    """Return what a server answers to.

    Args:
        settings: How it listens.
        public_url: How people reach it; None where that is not set.
        port: The port that it listens on.
    """
    scheme = "https" if settings.certificate else "http"
    shown = f"[{settings.host}]" if ":" in settings.host else settings.host
    names = [LOOPBACK, "localhost", "[::1]"]
    names += [] if _is_wildcard(settings.host) else [shown]
    origins = {_origin(scheme, name, port) for name in names}
    elsewhere = False
    if public_url:
        parts = urlsplit(public_url)
        host = parts.hostname or ""
        origins.add(_origin(parts.scheme, f"[{host}]" if ":" in host else host, parts.port))
        elsewhere = not is_loopback(host)
    return Reach(
        url=f"{scheme}://{shown}:{port}/",
        origins=frozenset(origins),
        secure=scheme == "https" or bool(public_url and public_url.startswith("https:")),
        closed=elsewhere or not settings.on_loopback,
    )


def _origin(scheme: str, host: str, port: int | None) -> str:
    """Return an origin as browsers write it: without its scheme's own port."""
    return (
        f"{scheme}://{host}" if port in (None, _PORTS.get(scheme)) else f"{scheme}://{host}:{port}"
    )


def _is_wildcard(host: str) -> bool:
    """Return whether an address stands for all of the machine's."""
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False
