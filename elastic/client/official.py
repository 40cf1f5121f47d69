"""The official client's names, imported without pyarrow.

Where pyarrow is installed the client imports it, and with it numpy, to read answers in Arrow's
format. mlmon asks for none, and each command would pay 0.15 s and 50 MB. A program that imported
pyarrow or the client itself before keeps what it has.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _without(module: str) -> Iterator[None]:
    """Let an import of a module fail as if it were not installed, unless it is there already."""
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment] # documented: the import then fails
    try:
        yield
    finally:
        del sys.modules[module]


with _without("pyarrow"):
    from elasticsearch import (
        ApiError,
        Elasticsearch,
        ElasticsearchWarning,
        TransportError,
        UnsupportedProductError,
    )
    from elasticsearch.serializer import OrjsonSerializer

__all__ = [
    "ApiError",
    "Elasticsearch",
    "ElasticsearchWarning",
    "OrjsonSerializer",
    "TransportError",
    "UnsupportedProductError",
]
