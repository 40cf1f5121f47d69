"""Write the features of a share of the traces, decided per trace so that a trace is complete."""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from mlmon.logging_config.errors import ConfigurationError

_HASH_RANGE: Final = 2**64


@dataclass(frozen=True, slots=True)
class Sampling:
    """Shares of traces, 0 to 1; scores, decisions and errors are never sampled.

    Attributes:
        features: share whose features are written.
        embeddings: share whose embeddings are written; at most `features`.
    """

    features: float = 1.0
    embeddings: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.embeddings <= 1 or not 0 <= self.features <= 1:
            raise ConfigurationError(
                "A sampling share is not between 0 and 1.", "Give for example 0.1."
            )


def is_sampled(trace_id: str, share: float) -> bool:
    """Whether a trace belongs to the share; decided by its id, the same in every service."""
    if share >= 1 or share <= 0:
        return share >= 1
    digest = blake2b(trace_id.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest) < share * _HASH_RANGE
