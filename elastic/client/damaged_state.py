"""State documents that cannot be read: kept under another id, named, and made again.

One damaged document must not stop `mlmon run` for good; nor should what it held vanish.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlmon.elastic.client.documents import Document

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mlmon.elastic.client.cluster import Cluster

DAMAGE = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What reading a damaged document raises."""


def set_aside(
    cluster: Cluster,
    index: str,
    ident: str,
    source: Mapping[str, Any],
    error: Exception,
    now: datetime,
) -> str:
    """Keep a damaged document under another id; return a sentence that says so.

    Args:
        cluster: Where it is.
        index: Its index.
        ident: Its id; the document there is left for its owner to replace.
        source: What it holds.
        error: What reading it raised.
        now: The present time.
    """
    why = f"{type(error).__name__}: {error}"
    kept = {
        "@timestamp": now.isoformat(),
        "damaged.id": ident,
        "damaged.reason": why,
        "damaged.document": json.dumps(source, default=str),
    }
    name = f"damaged {ident}"
    cluster.put([Document(index, name, kept)])
    return (
        f"State document {ident!r} was damaged ({why}) and is made again; "
        f"what it held is kept as {name!r} in {index}"
    )
