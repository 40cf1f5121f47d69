"""How a shipper is: what it counted, how far behind each file it is, and what it waits for."""

from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any, Self

import orjson

from mlmon.ingest.encode.line import LineError, parse
from mlmon.ingest.files.source import Source
from mlmon.ingest.state.account import Account, Tally

DECIDED = ("stored", "duplicate", "refused")


@dataclass(frozen=True, slots=True)
class FileHealth:
    """How one file is.

    Attributes:
        path: The file.
        counts: What became of its lines in this run.
        lag_bytes: Bytes that are there and not decided.
        lag_seconds: Age of the last decided line while others wait; 0 where none does.
    """

    path: str
    counts: Tally
    lag_bytes: int = 0
    lag_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Health:
    """How a shipper is.

    Attributes:
        time: When that was, UTC.
        shipper_id: Its id.
        process: Its process id.
        running: Whether the run goes on.
        waiting_for: What it waits for; empty where it goes ahead.
        account: What became of the lines of this run.
        lost_bytes: What disappeared before it was read.
        files: Every open file.
        troubles: What could not be read: path and reason.
    """

    time: datetime
    shipper_id: str
    process: int
    running: bool
    waiting_for: str
    account: Account
    lost_bytes: int = 0
    files: list[FileHealth] = field(default_factory=list)
    troubles: dict[str, str] = field(default_factory=dict)

    @property
    def lag_bytes(self) -> int:
        """Bytes of all files that are not decided."""
        return sum(file.lag_bytes for file in self.files)

    @property
    def lag_seconds(self) -> float:
        """The longest lag of a file."""
        return max((file.lag_seconds for file in self.files), default=0.0)

    def to_json(self) -> bytes:
        """Return it as a JSON object."""
        return orjson.dumps(self.to_value(), option=orjson.OPT_INDENT_2)

    def to_value(self) -> dict[str, Any]:
        """Return it as a JSON value."""
        value = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        files = [asdict(file) for file in self.files]
        return {**value, "account": self.account.to_json(), "files": files}

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Return what `to_json` wrote.

        Raises:
            ValueError: It is something else.
        """
        try:
            value = orjson.loads(text)
            files = [
                FileHealth(**{**file, "counts": Tally(**file["counts"])}) for file in value["files"]
            ]
            time = datetime.fromisoformat(value["time"])
            account = Account.from_json(value["account"])
            return cls(**{**value, "time": time, "account": account, "files": files})
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a shipper's status: {error!r}") from error


def file_health(source: Source, counts: Tally, now: datetime) -> FileHealth:
    """Return how an open file is."""
    lag = max(0, source.content.size() - source.record.offset)
    seconds = _age(source.last_decided, now) if lag else 0.0
    return FileHealth(source.path, counts, lag, seconds)


def _age(line: bytes, now: datetime) -> float:
    """Return how long ago a line was logged, seconds; 0 where it does not say."""
    try:
        logged = datetime.fromisoformat(str(parse(line).get("@timestamp")))
    except (LineError, ValueError):
        return 0.0
    return max(0.0, (now - logged).total_seconds()) if logged.tzinfo else 0.0


def prometheus(health: Health) -> str:
    """Return a shipper's health in Prometheus's text format.

    https://prometheus.io/docs/instrumenting/exposition_formats/
    """
    account = health.account
    lines = [
        "# HELP mlmon_ingest_up Whether the shipper runs.",
        "# TYPE mlmon_ingest_up gauge",
        f"mlmon_ingest_up {int(health.running)}",
        "# HELP mlmon_ingest_read_lines_total Lines read.",
        "# TYPE mlmon_ingest_read_lines_total counter",
        f"mlmon_ingest_read_lines_total {account.read}",
        "# HELP mlmon_ingest_lines_total Lines decided, by what became of them.",
        "# TYPE mlmon_ingest_lines_total counter",
    ]
    lines += [
        f'mlmon_ingest_lines_total{{result="{result}"}} {getattr(account, result)}'
        for result in DECIDED
    ]
    lines += [
        "# HELP mlmon_ingest_retried_lines_total How often a line was sent again.",
        "# TYPE mlmon_ingest_retried_lines_total counter",
        f"mlmon_ingest_retried_lines_total {account.retried}",
        "# HELP mlmon_ingest_lost_bytes_total What disappeared before it was read.",
        "# TYPE mlmon_ingest_lost_bytes_total counter",
        f"mlmon_ingest_lost_bytes_total {health.lost_bytes}",
        "# HELP mlmon_ingest_lag_bytes What is there and not decided.",
        "# TYPE mlmon_ingest_lag_bytes gauge",
        *(_sample("lag_bytes", file.path, file.lag_bytes) for file in health.files),
        "# HELP mlmon_ingest_lag_seconds Age of the last decided line, while others wait.",
        "# TYPE mlmon_ingest_lag_seconds gauge",
        *(_sample("lag_seconds", file.path, file.lag_seconds) for file in health.files),
    ]
    return "\n".join(lines) + "\n"


def _sample(name: str, path: str, value: float) -> str:
    escaped = path.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'mlmon_ingest_{name}{{file="{escaped}"}} {value}'


def documents(health: Health, dataset: str) -> list[dict[str, Any]]:
    """Return the events that say how the shipper is: one of all files, one of each."""
    account = health.account
    common = {
        "@timestamp": health.time,
        "event.dataset": dataset,
        "agent.id": health.shipper_id,
    }
    total = {
        **common,
        **_counts(account, health.lag_bytes, health.lag_seconds),
        "ingest.retried": account.retried,
        "ingest.lost.bytes": health.lost_bytes,
    }
    return [total] + [
        {**common, "log.file.path": file.path}
        | _counts(file.counts, file.lag_bytes, file.lag_seconds)
        for file in health.files
    ]


def _counts(tally: Tally, lag_bytes: int, lag_seconds: float) -> dict[str, Any]:
    counts: dict[str, Any] = {f"ingest.{name}": getattr(tally, name) for name in ("read", *DECIDED)}
    return counts | {"ingest.lag.bytes": lag_bytes, "ingest.lag.seconds": lag_seconds}
