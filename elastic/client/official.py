"""The official client's names, imported without what mlmon's requests do not use.

Where pyarrow is installed the client imports it, and with it numpy, to read answers in Arrow's
format. mlmon asks for none, and each command would pay 0.15 s and 50 MB. A command of mlmon's own
also does without the other HTTP libraries, OpenTelemetry's interface and the client for asyncio:
they would double the CPU of `mlmon findings`. Another program may want to use them itself. What
was imported before stays as it is.
"""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib import import_module
from types import ModuleType

_UNUSED = ("aiohttp", "httpx", "opentelemetry", "requests")
_ASYNC_CLIENT = "elasticsearch._async.client"


@contextmanager
def _replaced(name: str, module: ModuleType | None = None) -> Iterator[None]:
    """Let an import of a module find another one, or fail; not where it is imported already."""
    if name in sys.modules:
        yield
        return
    # Documented: None makes the import fail as if nothing were installed.
    sys.modules[name] = module  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]


def _import_for_a_command() -> None:
    """Import the client without all that no command uses."""
    empty = ModuleType(_ASYNC_CLIENT)
    vars(empty)["AsyncElasticsearch"] = None
    # A later release may import more of it; then it is imported as it is, below.
    with ExitStack() as replaced, suppress(ImportError):
        for name in _UNUSED:
            replaced.enter_context(_replaced(name))
        replaced.enter_context(_replaced(_ASYNC_CLIENT, empty))
        import_module("elasticsearch")
        import_module("elasticsearch.helpers")


with _replaced("pyarrow"):
    if "mlmon.cli" in sys.modules:
        _import_for_a_command()
    import elastic_transport
    from elastic_transport import (
        ConnectionTimeout,
        HttpHeaders,
        NodeConfig,
        Transport,
        TransportApiResponse,
        Urllib3HttpNode,
    )
    from elastic_transport.client_utils import (
        DEFAULT,
        DefaultType,
        resolve_default,
        url_to_node_config,
    )
    from elasticsearch import (
        ApiError,
        Elasticsearch,
        ElasticsearchWarning,
        TransportError,
        UnsupportedProductError,
    )
    from elasticsearch.serializer import OrjsonSerializer

__all__ = [
    "DEFAULT",
    "ApiError",
    "ConnectionTimeout",
    "DefaultType",
    "Elasticsearch",
    "ElasticsearchWarning",
    "HttpHeaders",
    "NodeConfig",
    "OrjsonSerializer",
    "Transport",
    "TransportApiResponse",
    "TransportError",
    "UnsupportedProductError",
    "Urllib3HttpNode",
    "elastic_transport",
    "resolve_default",
    "url_to_node_config",
]
