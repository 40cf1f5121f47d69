"""A strict stand-in for Kibana, as none can run here: it refuses what Kibana would refuse.

It checks the headers, the credentials, the space, the multipart form and the methods; it validates
bodies by the published schemas where these lie next to the project; and it adds to what it returns
what a real Kibana adds: defaults, owners, times, the versions of a newer release. It is no fake of
this project's own client: it knows nothing of it.
"""

from __future__ import annotations

import email
import email.policy
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.support.loopback import listening

if TYPE_CHECKING:
    import ssl

Json = dict[str, Any]
Answer = tuple[int, Any]
IMPORTABLE = {"index-pattern", "search", "dashboard"}
FIXED = {"rule": {"rule_type_id", "consumer", "enabled"}, "connector": {"connector_type_id"}}
"""What is taken only when a thing is created."""
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass
class StandIn:
    """What the stand-in holds, and how it behaves.

    Args:
        version: Of Kibana.
        spaces: That there are.
        authorization: The header that is let in; None lets everyone in.
        forbidden: Methods and paths, as patterns, that the credentials may not use.
        failing: Methods and paths that end in an error of the server.
        schema_errors: Returns what is wrong with a body of a kind; checks nothing by default.
        objects: Saved objects by space, type and id.
        things: Rules and connectors by space, path and id.
        requests: Methods and paths asked for.
    """

    version: str = "9.5.3"
    spaces: set[str] = field(default_factory=lambda: {"default", "ops"})
    authorization: str | None = None
    forbidden: list[str] = field(default_factory=list)
    failing: list[str] = field(default_factory=list)
    schema_errors: Callable[[str, Json], list[str]] = lambda _kind, _body: []
    objects: dict[tuple[str, str, str], Json] = field(default_factory=dict)
    bodies: dict[tuple[str, str], Json] = field(default_factory=dict)
    things: dict[tuple[str, str, str], Json] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)

    @property
    def has_dashboards_api(self) -> bool:
        """Whether this release has it."""
        major, minor, *_ = self.version.split(".")
        return (int(major), int(minor)) >= (9, 5)

    def answer(self, method: str, path: str, headers: Any, body: bytes) -> Answer:
        """Return status and body of the answer to a request."""
        parts = urlsplit(path)
        space, inside = _space(unquote(parts.path))
        self.requests.append(f"{method} {parts.path}")
        refused = self._refused(method, inside, headers)
        if refused is not None:
            return refused
        for pattern, handler in _ROUTES:
            found = re.fullmatch(pattern, inside)
            if found:
                query = parse_qs(parts.query)
                return handler(self, method, space, found.groups(), query, headers, body)
        return error(404, "Not Found")

    def _refused(self, method: str, path: str, headers: Any) -> Answer | None:
        if self.authorization and headers.get("authorization") != self.authorization:
            return error(401, "[security_exception]: unable to authenticate user")
        if method != "GET" and not headers.get("kbn-xsrf"):
            return error(400, "Request must contain a kbn-xsrf header.")
        asked = f"{method} {path}"
        if any(re.match(pattern, asked) for pattern in self.forbidden):
            return error(403, f"API [{asked}] is unauthorized for user, this action is granted by")
        if any(re.match(pattern, asked) for pattern in self.failing):
            return error(500, "An internal server error occurred.")
        return None

    def status(self, *_: Any) -> Answer:
        """Answer `GET /api/status`."""
        return 200, {
            "name": "kibana",
            "version": {"number": self.version, "build_snapshot": False},
            "status": {"overall": {"level": "available"}},
        }

    def one_space(self, method: str, _space: str, parts: tuple[str, ...], *_: Any) -> Answer:
        """Answer `GET /api/spaces/space/{id}`."""
        if method != "GET" or parts[0] not in self.spaces:
            return error(404, "Not Found")
        return 200, {"id": parts[0], "name": parts[0], "disabledFeatures": []}

    def import_objects(
        self, method: str, space: str, _: Any, query: Json, headers: Any, body: bytes
    ) -> Answer:
        """Answer `POST /api/saved_objects/_import`."""
        if method != "POST":
            return error(404, "Not Found")
        unknown = query.keys() - {"overwrite", "createNewCopies", "compatibilityMode"}
        if unknown:
            return error(400, f"[request query.{unknown.pop()}]: definition for this key missing")
        lines = _file_of(headers, body)
        if isinstance(lines, str):
            return error(400, lines)
        objects = [json.loads(line) for line in lines if line.strip()]
        keys = [(object_["type"], object_["id"]) for object_ in objects]
        if len(set(keys)) < len(keys):
            return error(400, "Non-unique import objects detected")
        errors = [found for object_ in objects if (found := self._unfit(space, object_, keys))]
        wrong = {(error["type"], error["id"]) for error in errors}
        good = [object_ for object_ in objects if (object_["type"], object_["id"]) not in wrong]
        for saved_object in good:
            if (
                space,
                saved_object["type"],
                saved_object["id"],
            ) in self.objects and "true" not in query.get("overwrite", []):
                errors.append(_refusal(saved_object, "conflict"))
                continue
            self.objects[space, saved_object["type"], saved_object["id"]] = stored(saved_object)
            self.bodies.pop((space, saved_object["id"]), None)
        done = [
            {"type": saved_object["type"], "id": saved_object["id"], "meta": {}}
            for saved_object in good
        ]
        return 200, {
            "success": not errors,
            "successCount": len(done),
            "successResults": done,
            "warnings": [],
        } | ({"errors": errors} if errors else {})

    def _unfit(self, space: str, saved_object: Json, keys: list[tuple[str, str]]) -> Json | None:
        if saved_object["type"] not in IMPORTABLE:
            return _refusal(saved_object, "unsupported_type")
        if set(saved_object) - {
            "type",
            "id",
            "attributes",
            "references",
            "managed",
            "coreMigrationVersion",
            "typeMigrationVersion",
        }:
            return _refusal(saved_object, "unknown")
        for reference in saved_object["references"]:
            known = (reference["type"], reference["id"]) in keys or (
                (space, reference["type"], reference["id"]) in self.objects
            )
            if reference["type"] in {"index-pattern", "search"} and not known:
                return _refusal(saved_object, "missing_references")
        return None

    def export_objects(
        self, method: str, space: str, _: Any, _query: Json, headers: Any, body: bytes
    ) -> Answer:
        """Answer `POST /api/saved_objects/_export`."""
        if method != "POST" or "application/json" not in headers.get("content-type", ""):
            return error(415, "Unsupported Media Type")
        asked = json.loads(body)
        if set(asked) - {"objects", "type", "includeReferencesDeep", "excludeExportDetails"}:
            return error(400, "[request body]: definition for this key is missing")
        if ("objects" in asked) == ("type" in asked):
            return error(400, "Either `type` or `objects` are required.")
        if "type" in asked:
            return 200, "\n".join(map(json.dumps, self._exported(space, asked["type"])))
        found = [
            self.objects.get((space, object_["type"], object_["id"]))
            for object_ in asked["objects"]
        ]
        if None in found:
            return error(400, "Error fetching objects to export")
        return 200, "\n".join(json.dumps(found_object) for found_object in found)

    def _exported(self, space: str, kinds: list[str]) -> Iterator[Json]:
        """Yield the objects of some types; what the Dashboards API took, as it is stored."""
        for (where, kind, id_), attributes in self.objects.items():
            if where == space and kind in kinds:
                body = self.bodies.get((space, id_), {})
                shown = {name: body[name] for name in ("title", "description") if name in body}
                yield {"attributes": shown, "references": [], **attributes}

    def find_rules(self, method: str, space: str, _: Any, query: Json, *_more: Any) -> Answer:
        """Answer `GET /api/alerting/rules/_find`, with a filter by one tag."""
        if method != "GET":
            return error(404, "Not Found")
        (asked,) = query.get("filter", [""])
        tag = re.fullmatch(r'alert\.attributes\.tags: "([^"]+)"', asked)
        if tag is None:
            return error(400, f"Error in filter {asked}")
        page, size = (int(query[name][0]) for name in ("page", "per_page"))
        found = [
            rule
            for (where, path, _id), rule in self.things.items()
            if where == space and path == "alerting/rule" and tag[1] in rule["tags"]
        ]
        part = found[(page - 1) * size : page * size]
        return 200, {"page": page, "per_page": size, "total": len(found), "data": part}

    def saved_object(self, method: str, space: str, parts: tuple[str, ...], *_: Any) -> Answer:
        """Answer `DELETE /api/saved_objects/{type}/{id}`."""
        if method != "DELETE" or self.objects.pop((space, *parts), None) is None:
            return error(404, f"Saved object [{'/'.join(parts)}] not found")
        return 200, {}

    def dashboard(
        self,
        method: str,
        space: str,
        parts: tuple[str, ...],
        _query: Json,
        headers: Any,
        body: bytes,
    ) -> Answer:
        """Answer the Dashboards API."""
        if not self.has_dashboards_api:
            return error(404, "Not Found")
        key, known = (space, parts[0]), (space, "dashboard", parts[0]) in self.objects
        if method == "PUT":
            return self._put_dashboard(key, json.loads(body), headers, known=known)
        if not known:
            return error(404, "A dashboard with this id was not found")
        if method == "DELETE":
            del self.objects[space, "dashboard", parts[0]]
            self.bodies.pop(key, None)
            return 204, None
        if method == "GET":
            data = self.bodies.get(key) or {"title": "drawn by hand", "panels": []}
            return 200, {"id": parts[0], "data": data, "meta": {"created_at": "2026-01-01"}}
        return error(404, "Not Found")

    def _put_dashboard(
        self, key: tuple[str, str], body: Json, headers: Any, *, known: bool
    ) -> Answer:
        if "application/json" not in headers.get("content-type", ""):
            return error(415, "Unsupported Media Type")
        wrong = self.schema_errors("dashboard", body)
        if wrong:
            return error(400, f"[request body]: {wrong[0]}")
        self.bodies[key] = completed(body)
        space, id_ = key
        self.objects[space, "dashboard", id_] = {"type": "dashboard", "id": id_}
        return (200 if known else 201), {"id": id_, "data": self.bodies[key], "meta": {}}

    def thing(
        self,
        method: str,
        space: str,
        parts: tuple[str, ...],
        _query: Json,
        headers: Any,
        body: bytes,
    ) -> Answer:
        """Answer the APIs of rules and connectors."""
        path, id_ = parts
        key, kind = (space, path, id_), "rule" if path == "alerting/rule" else "connector"
        if method in {"GET", "DELETE"}:
            if key not in self.things:
                return error(404, f"Saved object [{kind}/{id_}] not found")
            if method == "DELETE":
                del self.things[key]
                return 204, None
            return 200, self.things[key]
        if "application/json" not in headers.get("content-type", ""):
            return error(415, "Unsupported Media Type")
        return self._write_thing(method, key, kind, json.loads(body))

    def _write_thing(self, method: str, key: tuple[str, str, str], kind: str, body: Json) -> Answer:
        whole = self._whole_thing(method, key, kind, body)
        if isinstance(whole, tuple):
            return whole
        wrong = self.schema_errors(kind, whole)
        if wrong:
            return error(400, f"[request body]: {wrong[0]}")
        for action in whole.get("actions", []):
            if (key[0], "actions/connector", action["id"]) not in self.things:
                return error(400, f"Invalid connectors: {action['id']}")
        self.things[key] = as_returned(kind, key[2], whole)
        return 200, self.things[key]

    def _whole_thing(
        self, method: str, key: tuple[str, str, str], kind: str, body: Json
    ) -> Json | Answer:
        """Return what a rule or connector would be, or why it cannot be."""
        fixed = FIXED[kind]
        present = self.things.get(key)
        if kind == "connector" and not UUID.fullmatch(key[2]):
            return error(400, "Predefined IDs are not allowed for saved objects with encrypted")
        if method == "POST":
            conflict = error(409, f"Saved object [{kind}/{key[2]}] conflict")
            return body if present is None else conflict
        if method != "PUT" or present is None:
            return error(404, "Not Found")
        if fixed & body.keys():
            named = min(fixed & body.keys())
            return error(400, f"[request body.{named}]: definition for this key is missing")
        return {name: present[name] for name in fixed if name in present} | body


Handler = Callable[..., Answer]
_ROUTES: list[tuple[str, Handler]] = [
    (r"/api/status", StandIn.status),
    (r"/api/spaces/space/([^/]+)", StandIn.one_space),
    (r"/api/saved_objects/_import", StandIn.import_objects),
    (r"/api/saved_objects/_export", StandIn.export_objects),
    (r"/api/saved_objects/([^/]+)/([^/]+)", StandIn.saved_object),
    (r"/api/dashboards/([^/]+)", StandIn.dashboard),
    (r"/api/alerting/rules/_find", StandIn.find_rules),
    (r"/api/(alerting/rule|actions/connector)/([^/]+)", StandIn.thing),
]


@contextmanager
def serving(stand_in: StandIn, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve a stand-in on loopback, over TLS where a context is given; yield its URL."""

    class Requests(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def _serve(self) -> None:
            length = int(self.headers.get("content-length", 0))
            status, body = stand_in.answer(
                self.command, self.path, self.headers, self.rfile.read(length)
            )
            text = body if isinstance(body, str) else json.dumps(body)
            data = b"" if body is None else text.encode()
            self.send_response(status)
            kind = "application/ndjson" if isinstance(body, str) else "application/json"
            self.send_header("content-type", kind)
            self.send_header("kbn-name", "kibana")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - the names http.server calls

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with listening(Requests, tls) as url:
        yield url


def error(status: int, message: str) -> Answer:
    """Return an error as Kibana words it."""
    return status, {"statusCode": status, "error": "Error", "message": message}


def stored(line: Json) -> Json:
    """Return an imported object as a newer release exports it."""
    attributes = dict(line["attributes"])
    if line["type"] == "search":
        # Model version 6 of saved searches, 9.1 and newer, backfills tabs.
        attributes["tabs"] = [{"id": "tab", "label": "Untitled", "attributes": {"columns": []}}]
    if line["type"] == "dashboard":
        attributes["version"] = 3
    references = [
        {"id": reference["id"], "type": reference["type"], "name": reference["name"]}
        for reference in reversed(line["references"])
    ]
    return line | {
        "attributes": attributes,
        "references": references,
        "typeMigrationVersion": "10.9.0",
        "created_at": "2026-01-01T00:00:00.000Z",
        "updated_at": "2026-01-01T00:00:00.000Z",
        "version": "WzEsMV0=",
    }


def completed(body: Json) -> Json:
    """Return a dashboard's body with the defaults that the API's schema names."""
    options = {
        "hide_panel_titles": False,
        "hide_panel_borders": False,
        "use_margins": True,
        "auto_apply_filters": True,
        "sync_colors": False,
        "sync_cursor": True,
        "sync_tooltips": False,
    }
    whole = {"filters": [], "options": options, "access_control": {"access_mode": "default"}}
    whole |= body
    whole["panels"] = [_completed_panel(panel) for panel in body["panels"]]
    whole["pinned_panels"] = [
        {
            "id": f"c{place}",
            **panel,
            "config": {
                "use_global_filters": True,
                "ignore_validations": False,
                "exclude": False,
                "selected_options": [],
                "single_select": False,
            }
            | panel["config"],
        }
        for place, panel in enumerate(body.get("pinned_panels", []))
    ]
    return whole


def _completed_panel(panel: Json) -> Json:
    if "panels" in panel:
        return {**panel, "panels": [_completed_panel(one) for one in panel["panels"]]}
    config = dict(panel["config"])
    if panel["type"] == "vis":
        config |= {
            "styling": config.get("styling", {"density": {"mode": "default"}}),
            "filters": [],
        }
        config.setdefault("sampling", 1)
        config.setdefault("ignore_global_filters", False)
        if "layers" in config:
            config["layers"] = [
                {"sampling": 1, "ignore_global_filters": False, **layer}
                | ({"y": [_completed_measure(one) for one in layer["y"]]} if "y" in layer else {})
                for layer in config["layers"]
            ]
        if "metrics" in config:
            config["metrics"] = [_completed_measure(metric) for metric in config["metrics"]]
    return {**panel, "config": config}


def _completed_measure(measure: Json) -> Json:
    return {"empty_as_null": False, "filter": {"expression": "", "language": "kql"}, **measure}


def as_returned(kind: str, id_: str, body: Json) -> Json:
    """Return a rule or connector as its API shows it."""
    if kind == "connector":
        return {
            "id": id_,
            "config": {},
            **{key: value for key, value in body.items() if key != "secrets"},
            "is_preconfigured": False,
            "is_deprecated": False,
            "is_missing_secrets": False,
            "is_system_action": False,
        }
    actions = [
        {"uuid": f"u{place}", "connector_type_id": ".index", **action}
        for place, action in enumerate(body.get("actions", []))
    ]
    return {
        "throttle": None,
        "notify_when": None,
        "mute_all": False,
        **body,
        "id": id_,
        "actions": actions,
        "params": {"excludeHitsFromPreviousRun": True, "aggType": "count", **body["params"]},
        "created_by": "elastic",
        "updated_at": "2026-01-01T00:00:00.000Z",
        "api_key_owner": "elastic",
        "execution_status": {"status": "ok"},
        "scheduled_task_id": id_,
    }


def _space(path: str) -> tuple[str, str]:
    found = re.fullmatch(r"/s/([^/]+)(/.*)", path)
    return (found[1], found[2]) if found else ("default", path)


def _file_of(headers: Any, body: bytes) -> list[str] | str:
    """Return the lines of the form's file, or what is wrong with the form."""
    kind = headers.get("content-type", "")
    if not kind.startswith("multipart/form-data; boundary="):
        return "Unsupported Media Type"
    text = f"content-type: {kind}\r\n\r\n".encode() + body
    form = email.message_from_bytes(text, policy=email.policy.HTTP)
    parts = {
        part.get_param("name", header="content-disposition"): part for part in form.iter_parts()
    }
    file = parts.get("file")
    if set(parts) != {"file"} or file is None:
        return "[request body.file]: expected value of type [Stream]"
    if not str(file.get_filename()).endswith(".ndjson"):
        return f"Invalid file extension {file.get_filename()}"
    content = file.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content.decode().splitlines()


def _refusal(saved_object: Json, kind: str) -> Json:
    return {
        "type": saved_object["type"],
        "id": saved_object["id"],
        "error": {"type": kind},
        "meta": {},
    }
