"""The service that writes the log, and the models and feature sources its events refer to."""

from dataclasses import dataclass
from datetime import datetime

from mlmon.logging_config.errors import ConfigurationError
from mlmon.logging_config.schema.fields import MAX_KEYWORD


@dataclass(frozen=True, slots=True)
class Service:
    """The service that writes the log; ECS `service.*`.

    Attributes:
        name: name, the same in each process.
        version: deployed version.
        environment: for example `production`; in `development` a value of a wrong type raises.
    """

    name: str
    version: str = "0"
    environment: str = "development"

    def __post_init__(self) -> None:
        for part in ("name", "version", "environment"):
            value = getattr(self, part)
            is_text = isinstance(value, str) and value.strip() and value.isprintable()
            if not is_text or len(value) > MAX_KEYWORD:
                raise ConfigurationError(
                    f"The service's {part} is {str(value)[:64]!r}.",
                    f"Give a text of at most {MAX_KEYWORD} printable characters.",
                )


@dataclass(frozen=True, slots=True)
class Model:
    """A model by name and version."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class FeatureSource:
    """State of a feature source when it was read.

    Attributes:
        status: `fresh`, `stale` or `missing`.
        age_s: age of its data in seconds; computed from `last_updated_at` when None.
        last_updated_at: time of the last refresh; None when it was never refreshed.
    """

    status: str
    age_s: float | None = None
    last_updated_at: datetime | None = None
