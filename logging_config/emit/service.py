"""Who writes the log: the service, and what its events are about: models and feature sources."""

from dataclasses import dataclass
from datetime import datetime

from mlmon.logging_config.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Service:
    """The service whose log it is; ECS `service.*`.

    Attributes:
        name: its name, the same in each process.
        version: the version deployed.
        environment: where it runs; in `development` a wrong type in an event is an error.
    """

    name: str
    version: str = "0"
    environment: str = "development"

    def __post_init__(self) -> None:
        for part in ("name", "version", "environment"):
            value = getattr(self, part)
            if not isinstance(value, str) or not value.strip() or not value.isprintable():
                raise ConfigurationError(
                    f"The service's {part} is {value!r}.", "Give a text of printable characters."
                )


@dataclass(frozen=True, slots=True)
class Model:
    """A model by name and version."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class FeatureSource:
    """State of a source of features when it was read.

    Attributes:
        status: `fresh`, `stale` or `missing`.
        age_s: age of its data in seconds, None when there is none or `last_updated_at` tells it.
        last_updated_at: when it was refreshed, None when never.
    """

    status: str
    age_s: float | None = None
    last_updated_at: datetime | None = None
