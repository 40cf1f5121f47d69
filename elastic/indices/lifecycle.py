"""How long each kind of data is kept, and when a stream writes into a new index.

One table for both ways to apply it: index lifecycle management (ILM) where the cluster has it,
`mlmon prune` elsewhere. `[elastic.retention]` of `mlmon.toml` overrides it, by dataset
or index: `"ml.prediction" = 90` (days), or `"forever"`.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

import orjson

from mlmon.elastic.errors import WrongValueError
from mlmon.elastic.indices.names import (
    DEAD_LETTER,
    FINDINGS,
    LABELS,
    PROFILES,
    SHIPPING,
    WAITING,
    stream_prefix,
)
from mlmon.elastic.settings import ElasticSettings
from mlmon.elastic.settings_file import unknown_name

FOREVER: Final = "forever"
# One shard holds that much and still recovers within minutes
# (https://www.elastic.co/docs/deploy-manage/production-guidance/optimize-performance/size-shards).
_SHARD_GB: Final = 30
_LONGEST_WRITING: Final = 30
_LONGEST_KEPT: Final = 36_500


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """Retention and rollover of the indices of one template.

    Args:
        name: Dataset or index, as `mlmon.toml` names it.
        days: Days it is kept after the index was written to last; None keeps it.
        stream: Whether it is a data stream, which rolls over.
    """

    name: str
    days: int | None
    stream: bool

    @property
    def template(self) -> str:
        """The name of its index template, with which the names of its indices begin."""
        return stream_prefix(self.name) if self.stream else self.name

    @property
    def policy(self) -> str:
        """The name of its policy in the cluster."""
        return f"{self.template}-lifecycle"

    @property
    def rollover_days(self) -> int:
        """Age of a write index at which the next one begins: a quarter of what is kept."""
        return min(_LONGEST_WRITING, max(1, (self.days or _LONGEST_KEPT) // 4))

    @property
    def rollover_bytes(self) -> int:
        """Size of a write index's primary shard at which the next one begins."""
        return _SHARD_GB * 2**30

    def body(self) -> dict[str, Any]:
        """Return the policy as ILM's API takes it; its digest shows whether it is up to date."""
        phases: dict[str, Any] = {"hot": {"actions": self._hot()}}
        if self.days is not None:
            # ILM counts from the rollover, and where there is none from the index's creation.
            phases["delete"] = {"min_age": f"{self.days}d", "actions": {"delete": {}}}
        digest = hashlib.sha256(orjson.dumps(phases, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
        return {"policy": {"phases": phases, "_meta": {"managed_by": "mlmon", "digest": digest}}}

    def _hot(self) -> dict[str, Any]:
        if not self.stream:
            return {}
        limits = {
            "max_age": f"{self.rollover_days}d",
            "max_primary_shard_size": f"{_SHARD_GB}gb",
        }
        return {"rollover": limits}


_DAYS: Final = MappingProxyType(
    {
        # Large, and soon summarized in profiles.
        "ml.prediction": 30,
        "ml.access": 30,
        "ml.app": 30,
        SHIPPING: 30,
        "ml.bid": 90,
        "ml.fallback": 90,
        # Time enough to fix a producer and to replay the rejected lines.
        DEAD_LETTER: 90,
        # Small, and compared with the year before.
        "ml.outcome": 400,
        "ml.job": 400,
        "ml.store": 400,
        "ml.model": 400,
    }
)
# An index a month. Baselines, alerts, incidents, their changes, deliveries, notices and state
# are one index each, written to as long as mlmon runs, and have no lifecycle.
_MONTHLY_DAYS: Final = MappingProxyType(
    {
        PROFILES: 5 * 365,
        FINDINGS: 5 * 365,
        # As long as the outcomes they are made of.
        LABELS: 400,
        WAITING: 400,
    }
)
LIFECYCLES: Final = (
    *(Lifecycle(name, days, stream=True) for name, days in _DAYS.items()),
    *(Lifecycle(name, days, stream=False) for name, days in _MONTHLY_DAYS.items()),
)


def lifecycles(overrides: Mapping[str, Any]) -> Iterator[Lifecycle]:
    """Yield every lifecycle, as `[elastic.retention]` changes it.

    Raises:
        WrongValueError: An override names nothing that has a lifecycle, or is no number of days.
    """
    wanted = dict(_flat(overrides, ""))
    known = [lifecycle.name for lifecycle in LIFECYCLES]
    if unknown := sorted(wanted.keys() - set(known)):
        raise WrongValueError(
            f"{unknown_name('name', unknown[0], known)} in [elastic.retention]",
            "Name a dataset or an index that has a retention.",
        )
    for lifecycle in LIFECYCLES:
        yield (
            replace(lifecycle, days=_days(wanted[lifecycle.name]))
            if lifecycle.name in wanted
            else lifecycle
        )


def configured() -> list[Lifecycle]:
    """Return every lifecycle as the settings have it.

    Raises:
        WrongValueError: `[elastic]` of the file is wrong.
    """
    return list(lifecycles(ElasticSettings.load().retention))


def _flat(table: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    # Without quotes, TOML reads `ml.prediction = 90` as a table within a table.
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _days(value: object) -> int | None:
    if value == FOREVER:
        return None
    if type(value) is not int or not 1 <= value <= _LONGEST_KEPT:
        raise WrongValueError(
            f"[elastic.retention] holds {value!r}, which is no number of days",
            f'Write full days from 1 to {_LONGEST_KEPT}, or "{FOREVER}".',
        )
    return value
