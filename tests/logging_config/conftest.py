"""A log in memory, and a strict reader that checks lines against ecs-logging's specification."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from mlmon.logging_config import EventLog, Service, open_log
from mlmon.logging_config.schema.fields import DATASETS, REQUIRED_FIELDS, Field

# Lies next to the repository, or next to the folder that holds its worktrees.
SPECIFICATION = next(
    (
        folder / "shared/schemas/ecs-logging-spec.json"
        for folder in Path(__file__).parents[3:]
        if (folder / "shared/schemas/ecs-logging-spec.json").exists()
    ),
    None,
)
Check = Callable[[bytes], dict[str, Any]]


class Memory:
    """A sink that keeps its lines, or rejects them."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.rejects = False

    def write(self, lines: bytes) -> int:
        """Keep the lines, or reject them."""
        if not self.rejects:
            self.lines += lines.splitlines(keepends=True)
        return 0 if self.rejects else len(lines)

    def flush(self) -> bool:
        """Nothing is held."""
        return True

    def close(self, timeout_s: float = 0) -> None:
        """Nothing is open."""

    def before_fork(self) -> None:
        """Nothing is under way."""

    def after_fork(self, *, in_child: bool) -> None:
        """Nothing was under way."""


Open = Callable[..., EventLog]


@pytest.fixture(scope="session")
def new_memory() -> type[Memory]:
    """Makes an empty sink."""
    return Memory


@pytest.fixture(scope="session")
def open_memory_log() -> Open:
    """Opens a production log in the memory given, with a clock that stands still."""

    def open_in(memory: Memory, **options: Any) -> EventLog:
        service = Service("tested", version="1", environment="production")
        still: dict[str, Any] = {"clock": lambda: 1_700_000_000_123_456_789, "entity_id": "entity"}
        options = still | options
        return open_log(service, sink=memory, **options)

    return open_in


@pytest.fixture
def memory() -> Memory:
    """An empty sink."""
    return Memory()


@pytest.fixture
def log(memory: Memory, open_memory_log: Open) -> EventLog:
    """A log in memory."""
    return open_memory_log(memory)


@pytest.fixture
def events(memory: Memory) -> Callable[[], list[dict[str, Any]]]:
    """Reads back the log in memory, strictly."""
    return lambda: [read_strictly(line) for line in memory.lines]


def read_strictly(line: bytes) -> dict[str, Any]:
    """Parse one line as RFC 8259 has it, refusing what Python's parser would let pass."""
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    event = json.loads(
        line.decode("utf-8", "strict"),
        parse_constant=_refuse_constant,
        object_pairs_hook=_refuse_duplicates,
    )
    assert isinstance(event, dict)
    return event


def _refuse_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    assert len(keys) == len(set(keys)), f"duplicate keys: {keys}"
    return dict(pairs)


@pytest.fixture(scope="session")
def check() -> Check:
    """Parse a line strictly, and check it against the table of fields and the specification."""
    if SPECIFICATION is None:
        pytest.skip("../shared/schemas/ecs-logging-spec.json is not there")
    specified = json.loads(SPECIFICATION.read_text())["fields"]

    def check_line(line: bytes) -> dict[str, Any]:
        event = read_strictly(line)
        check_specification(event, specified)
        check_table(event)
        return event

    return check_line


def check_specification(event: dict[str, Any], specified: dict[str, Any]) -> None:
    """Check required fields, their order, their types and the keys of labels."""
    kinds = {"string": str, "integer": int, "object": dict, "datetime": str}
    for name, rule in specified.items():
        assert name in event or not rule["required"], name
        if name in event:
            assert isinstance(event[name], kinds[rule["type"]]), name
        if "index" in rule:
            assert list(event)[rule["index"]] == name
    datetime.fromisoformat(event["@timestamp"])
    forbidden = specified["labels"]["sanitization"]["key"]["replacements"]
    for label in event.get("labels", {}):
        assert not any(character in label for character in forbidden), label


def check_table(event: dict[str, Any]) -> None:
    """Check that each field is in the table with its type, and that none is another's prefix."""
    dataset = event["event.dataset"]
    fields = {field.name: field for field in DATASETS[dataset]}
    for name, value in event.items():
        field = fields.get(name) or _family(name, dataset)
        values = value if field.array and isinstance(value, list) else [value]
        assert all(_fits(field, item) for item in values), (name, value)
        assert not any(other.startswith(f"{name}.") for other in event), name
    missing = {change.partition(":")[2] for change in event.get("ml.log.changes", ())}
    assert (
        REQUIRED_FIELDS[dataset] <= event.keys() | missing or "event with wrong" in event["message"]
    )


def _family(name: str, dataset: str) -> Field:
    for field in DATASETS[dataset]:
        head, star, tail = field.name.partition("*")
        if star and name.startswith(head) and name.endswith(tail):
            part = name[len(head) : len(name) - len(tail)]
            assert part
            assert "." not in part
            return field
    raise AssertionError(f"{name} is not in the table of {dataset}")


def _fits(field: Field, value: Any) -> bool:
    if value is None:
        return not field.required
    if field.type == "date":
        return datetime.fromisoformat(value) is not None
    kinds: dict[str, tuple[type, ...]] = {
        "boolean": (bool,),
        "double": (int, float),
        "flattened": (dict,),
        "keyword": (str, bool) if field.is_family else (str,),
        "long": (int,),
        "match_only_text": (str,),
    }
    if isinstance(value, bool) and field.type in ("double", "long"):
        return False
    return isinstance(value, kinds[field.type])
