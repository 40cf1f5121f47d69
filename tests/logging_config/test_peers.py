"""Inputs that break log formatters: ours passes each, the peers fail where it is known."""

import json
import math
import re
from typing import Final

import pytest

from tests.benchmarks.bench_log_formatters import table
from tests.support.generated_block import DOCS
from tests.support.log_formatters import EMITTERS, INPUTS, Result, circular, result_of


@pytest.mark.parametrize("name", INPUTS)
def test_ours(name: str) -> None:
    """Our formatter passes each input of the table."""
    assert result_of("ours", name) == "ok"


# The results published in the comparison of peers; `-` where the table says nothing.
PEERS: Final = """
                        ecs stdlib  ecs structlog  python-json-logger  structlog
nan                     invalid     invalid        invalid             invalid
infinity                invalid     invalid        invalid             invalid
numpy float             text        text           text                text
numpy array             text        text           text                text
error beside error.type lost        raises         twice               twice
integer key             ok          raises         ok                  ok
tuple key               ok          raises         lost                raises
circular                raises      raises         lost                raises
@timestamp              lost        accepted       accepted            accepted
log.level               lost        accepted       accepted            accepted
newline                 ok          ok             ok                  ok
labels                  nested      nested         -                   -
"""


def expected_results() -> list[tuple[str, str, Result]]:
    """The table's cells: emitter, input, result."""
    header, *rows = PEERS.strip().splitlines()
    emitters = re.split(r"  +", header.strip())
    cells = [(row[:24].strip(), re.split(r" +", row[24:].strip())) for row in rows]
    return [
        (emitter, name, result)
        for name, results in cells
        for emitter, result in zip(emitters, results, strict=True)
        if result != "-"
    ]


@pytest.mark.parametrize(("emitter", "name", "result"), expected_results())
def test_peers(emitter: str, name: str, result: Result) -> None:
    """Each peer fails where it is known to: once one is fixed, the comparison changes."""
    assert result_of(emitter, name) == result


def test_ours_marks_what_it_changed() -> None:
    """What could not be written as it was is named in the line."""
    fields = {"x": math.nan, "y": {(1, 2): "a"}, "z": circular(), "@timestamp": "evil"}
    changes = json.loads(str(EMITTERS["ours"](fields)))["ml.log.changes"]
    assert changes == ["nan:x", "key:y", "cycle:z.self", "reserved:@timestamp"]


def test_the_documented_comparison_is_current() -> None:
    """docs/logging.md shows what the installed formatters do."""
    assert table() in (DOCS / "logging.md").read_text()
