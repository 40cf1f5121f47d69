"""Sets of limits: those in force, and those of another file in place of mlmon.toml."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.limit_rules import check_rules
from mlmon.analyzers.checks import discover, made_analyzers
from mlmon.analyzers.settings import AnalyzersSettings
from mlmon.elastic.errors import WrongValueError
from mlmon.elastic.settings_file import read_table, settings_from

if TYPE_CHECKING:
    from pathlib import Path

    from mlmon.analyzers.base.analyzer import Analyzer
    from mlmon.analyzers.settings import LimitRule

_TABLE = "analyzers"


@dataclass(frozen=True, slots=True)
class LimitSet:
    """What decides which findings alarm.

    Args:
        analyzers: Every analyzer in order of name, with the windows and drift tests it has.
        rules: The user's limits.
    """

    analyzers: tuple[Analyzer[Any], ...]
    rules: tuple[LimitRule, ...]


def limits_in_force() -> LimitSet:
    """Return the limits of mlmon.toml and the environment.

    Raises:
        WrongValueError: A value is wrong.
    """
    rules = AnalyzersSettings.load().rules
    check_rules(rules, discover())
    return LimitSet(discover(), rules)


def limits_of_file(path: Path) -> LimitSet:
    """Return the limits that a file would set in place of mlmon.toml, without the environment.

    Raises:
        WrongValueError: The file has no table `[analyzers]`, or a value is wrong.
    """
    in_force = AnalyzersSettings.load()
    with settings_from(path):
        if not read_table(_TABLE):
            raise WrongValueError(
                f"{path} has no [{_TABLE}]", "Write its limits as [[analyzers.rules]]."
            )
        settings = AnalyzersSettings.load()
        # The same analyzers are the same objects, so that they judge once for both sets.
        same = _without_rules(settings) == _without_rules(in_force)
        analyzers = discover() if same else made_analyzers()
        check_rules(settings.rules, analyzers)
    return LimitSet(analyzers, settings.rules)


def _without_rules(settings: AnalyzersSettings) -> dict[str, Any]:
    return settings.model_dump(exclude={"rules", "segments"})
