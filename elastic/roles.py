"""The roles with the privileges that mlmon's parts need, and no others.

`roles.json` holds them as Elasticsearch's role API takes them, so that they can be read, reviewed
and installed without mlmon too.
"""

from importlib.resources import files
from typing import Any

import orjson


def roles() -> dict[str, dict[str, Any]]:
    """Return the privileges of each role by its name.

    `mlmon_shipper` may add log lines, and read them to know which arrived; `mlmon_analyzer` reads
    logs and writes what mlmon makes of them; `mlmon_viewer` reads both; `mlmon_responder` also
    acts on incidents; `mlmon_pruner` rolls over and deletes what has a retention.
    """
    body: dict[str, dict[str, Any]] = orjson.loads(
        files("mlmon.elastic").joinpath("roles.json").read_bytes()
    )
    return body


def roles_yml() -> str:
    """Return the roles as a node's file `roles.yml`: JSON is YAML."""
    return "".join(f"{name}: {orjson.dumps(body).decode()}\n" for name, body in roles().items())
