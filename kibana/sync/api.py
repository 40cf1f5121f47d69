"""Kibana over HTTP: the only module that talks to it.

A few verbs per kind of thing, each one request, in one space. What Kibana does not carry out is a
`KibanaError` with a hint.
"""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, urlencode

import httpx

from mlmon.dashboards.links.target import DEFAULT
from mlmon.elastic.errors import ServerError, root_cause

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlmon.dashboards.links.settings import KibanaSettings
    from mlmon.elastic.json_object import Json

OLDEST_KIBANA = (8, 19)
DASHBOARDS_API = (9, 5)
PER_PAGE = 100
"""Rules asked for at once."""
_MISSING = 404
_UNREADABLE = "Error fetching objects to export"


class KibanaError(ServerError):
    """A request that Kibana did not carry out."""


@dataclass(frozen=True, slots=True)
class Kibana:
    """One space of one Kibana.

    Args:
        http: An open client of its address.
        url: The address, for messages.
        space: The space.
    """

    http: httpx.Client
    url: str
    space: str = DEFAULT

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def version(self) -> tuple[int, ...]:
        """Return Kibana's version, such as (9, 5, 3).

        Raises:
            KibanaError: It is unreachable or too old, or is no Kibana.
        """
        answer = self._ask("GET", "/api/status", spaced=False)
        text = str((answer or {}).get("version", {}).get("number", ""))
        try:
            version = tuple(int(part) for part in text.partition("-")[0].split("."))
        except ValueError:
            raise KibanaError(
                f"What answers at {self.url} is not Kibana, or does not return its version",
                "Set MLMON_KIBANA_URL to a Kibana, and credentials that may see its status.",
            ) from None
        if version < OLDEST_KIBANA:
            raise KibanaError(
                f"{self.url} is Kibana {text}, 8.19 is the oldest that is supported",
                "Upgrade Kibana, or import `mlmon kibana export`'s file by hand at your own risk.",
            )
        return version

    def check_space(self) -> None:
        """Refuse a space that does not exist: Kibana itself would write into it all the same.

        Raises:
            KibanaError: There is no such space.
        """
        if self.space == DEFAULT:
            return
        path = f"/api/spaces/space/{quote(self.space, safe='')}"
        if self._ask("GET", path, spaced=False, absent=True) is None:
            raise KibanaError(
                f"There is no space {self.space!r} in {self.url}",
                "Create it in Kibana (Stack Management, Spaces), or correct --space.",
                _MISSING,
            )

    def saved_object(self, kind: str, id_: str) -> Json | None:
        """Return a saved object as an export writes it, None where there is none."""
        body = {
            "objects": [{"type": kind, "id": id_}],
            "includeReferencesDeep": False,
            "excludeExportDetails": True,
        }
        answer = self._send("POST", "/api/saved_objects/_export", json=body)
        if answer.status_code == httpx.codes.BAD_REQUEST and _UNREADABLE in answer.text:
            return None
        self._check(answer, "POST", "/api/saved_objects/_export")
        found: Json = json.loads(answer.text.splitlines()[0])
        return found

    def saved_objects(self, kinds: Sequence[str]) -> list[Json]:
        """Return every saved object of some types in the space, as an export writes them."""
        body = {"type": list(kinds), "excludeExportDetails": True}
        path = "/api/saved_objects/_export"
        answer = self._send("POST", path, json=body)
        self._check(answer, "POST", path)
        return [json.loads(line) for line in answer.text.splitlines() if line.strip()]

    def rules(self, tag: str) -> Iterator[Json]:
        """Yield every rule of the space with a tag."""
        for page in count(1):
            asked = {
                "filter": f'alert.attributes.tags: "{tag}"',
                "per_page": PER_PAGE,
                "page": page,
            }
            found = self.get(f"/api/alerting/rules/_find?{urlencode(asked)}") or {"data": []}
            yield from found["data"]
            if len(found["data"]) < PER_PAGE:
                return

    def import_objects(self, objects: Sequence[Mapping[str, Any]]) -> Json:
        """Import saved objects, replacing those of the same ids; return what became of each.

        Kibana imports what it can: `success` is false and `errors` names what it could not.
        """
        lines = "\n".join(json.dumps(object_, ensure_ascii=False) for object_ in objects) + "\n"
        file = ("mlmon.ndjson", lines.encode(), "application/ndjson")
        path = "/api/saved_objects/_import"
        answer = self._send("POST", path, params={"overwrite": "true"}, files={"file": file})
        self._check(answer, "POST", path)
        result: Json = answer.json()
        return result

    def get(self, path: str) -> Json | None:
        """Return what lies at a path, None where nothing does."""
        return self._ask("GET", path, absent=True)

    def post(self, path: str, body: Mapping[str, Any]) -> Json | None:
        """Create something."""
        return self._ask("POST", path, body)

    def put(self, path: str, body: Mapping[str, Any]) -> Json | None:
        """Replace something."""
        return self._ask("PUT", path, body)

    def delete(self, path: str) -> bool:
        """Delete what lies at a path; return whether anything did."""
        answer = self._send("DELETE", path)
        if answer.status_code == _MISSING:
            return False
        self._check(answer, "DELETE", path)
        return True

    def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        spaced: bool = True,
        absent: bool = False,
    ) -> Json | None:
        answer = self._send(method, path, spaced=spaced, json=body)
        if absent and answer.status_code == _MISSING:
            return None
        self._check(answer, method, path)
        try:
            found = answer.json() if answer.content else None
        except ValueError:
            found = None
        if found is not None and not isinstance(found, dict):
            raise _not_kibana(self.url)
        return found

    def _send(self, method: str, path: str, *, spaced: bool = True, **more: Any) -> httpx.Response:
        prefix = f"/s/{self.space}" if spaced and self.space != DEFAULT else ""
        try:
            return self.http.request(method, self.url + prefix + path, **more)
        except httpx.TimeoutException as error:
            raise KibanaError(
                f"{self.url} did not answer in time", "Raise MLMON_KIBANA_REQUEST_TIMEOUT."
            ) from error
        except httpx.HTTPError as error:
            raise _unreachable(self.url, error) from error

    def _check(self, answer: httpx.Response, method: str, path: str) -> None:
        if not answer.is_success:
            raise self._failure(answer, f"{method} {path}")

    def _failure(self, answer: httpx.Response, request: str) -> KibanaError:
        status, why = answer.status_code, _reason(answer)
        if status == httpx.codes.UNAUTHORIZED:
            return KibanaError(
                f"{self.url} knows no such credentials: {why}",
                "Check MLMON_KIBANA_API_KEY, or MLMON_KIBANA_USERNAME and MLMON_KIBANA_PASSWORD.",
                status,
            )
        if status == httpx.codes.FORBIDDEN:
            return KibanaError(
                f"{self.url} does not allow {request} in space {self.space!r}: {why}",
                "Give the credentials the Kibana privileges that docs/kibana.md lists.",
                status,
            )
        if status == httpx.codes.SERVICE_UNAVAILABLE:
            hint = "Wait until it has started, then run the command again."
            return KibanaError(f"{self.url} is not ready: {why}", hint, status)
        return KibanaError(f"{self.url} answered {status} to {request}: {why}", "", status)


def open_kibana(settings: KibanaSettings) -> Kibana:
    """Return a client of the Kibana that the settings name, nothing asked yet.

    Raises:
        UserError: There is no URL, or the authorities' file cannot be read.
    """
    url, credentials = settings.address(), settings.credentials()
    headers = {"kbn-xsrf": "true", "accept": "application/json"}
    if isinstance(credentials, str):
        headers["authorization"] = f"ApiKey {credentials}"
    client = httpx.Client(
        headers=headers,
        auth=credentials if isinstance(credentials, tuple) else None,
        verify=settings.trusted(url),
        timeout=settings.request_timeout,
        # The environment's proxies are for the network outside.
        trust_env=False,
    )
    return Kibana(client, url, settings.space)


def _unreachable(url: str, error: httpx.HTTPError) -> KibanaError:
    if "CERTIFICATE_VERIFY_FAILED" in str(error) or isinstance(error.__cause__, ssl.SSLError):
        return KibanaError(
            f"No secure connection to {url}: {root_cause(error)}",
            "Set MLMON_KIBANA_CA_CERTS to the PEM file of the authority that signed its "
            "certificate.",
        )
    return KibanaError(
        f"Kibana is not reachable at {url}: {root_cause(error)}",
        "Start it, or set MLMON_KIBANA_URL; `mlmon kibana export` needs none.",
    )


def _not_kibana(url: str) -> KibanaError:
    return KibanaError(f"What answers at {url} is no Kibana", "Correct MLMON_KIBANA_URL.")


def _reason(answer: httpx.Response) -> str:
    """Return Kibana's message about a failure, on one line."""
    try:
        body = answer.json()
    except ValueError:
        body = answer.text
    message = body.get("message", body) if isinstance(body, dict) else body
    return " ".join(str(message or "no reason given").split())[:400]
