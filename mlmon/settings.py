"""All settings of mlmon: the list of them, and the check of all at the start of a command."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr

from mlmon.elastic.errors import UserError, WrongValueError
from mlmon.elastic.indices.lifecycle import configured
from mlmon.elastic.section import SECTIONS
from mlmon.elastic.settings import Settings, load_settings
from mlmon.elastic.settings_file import (
    CONFIG,
    TABLE_NAMES,
    VARIABLE_PREFIX,
    read_settings_file,
    section_prefix,
    unknown_name,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pydantic.fields import FieldInfo

    from mlmon.elastic.section import SettingsSection

# Of the project's own tests and benchmarks.
_OTHERS: Final = ("MLMON_TEST_", "MLMON_BENCH_")
_TYPES: Final[dict[Any, str]] = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
    Path: "path",
    SecretStr: "secret",
    timedelta: "duration",
    datetime: "time",
}
_DECLARED_IN: Final = {
    "elastic": "mlmon.elastic.settings",
    "analyzers": "mlmon.analyzers.settings",
    "reports": "mlmon.analyzers.report_settings",
    "alerting": "mlmon.alerting.settings",
    "kibana": "mlmon.dashboards.links.settings",
    "serve": "mlmon.report.serve.settings",
}
"""The module of each table; a command that sets nothing of a table does not import it."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    Args:
        name: Its name within its table.
        table: Its table in `mlmon.toml`; empty for the top level.
        key: Its full key in `mlmon.toml`; `<name>` stands for a name of the user's choice.
        variable: Its environment variable; empty where the file alone has it.
        type: Its type, as text.
        default: Its default as TOML writes it; empty where there is none.
        description: What it is.
    """

    name: str
    table: str
    key: str
    variable: str
    type: str
    default: str
    description: str


def list_settings() -> list[Setting]:
    """Return every setting, those of the top level first, then table by table."""
    found = _top_level()
    for table in TABLE_NAMES:
        section = _section(table)
        found += _settings_of(section, table, str(section.model_config["env_prefix"]))
    return _each_once(found)


def _top_level() -> list[Setting]:
    return [
        Setting(CONFIG, "", "", CONFIG, "path", "mlmon.toml", "The settings file."),
        *_settings_of(Settings, "", VARIABLE_PREFIX),
    ]


def _section(table: str) -> type[SettingsSection]:
    import_module(_DECLARED_IN[table])
    return SECTIONS[table]


def _each_once(settings: Iterable[Setting]) -> list[Setting]:
    """Return settings by key; one that several kinds of a table have takes any of their values."""
    found: dict[str, Setting] = {}
    for setting in settings:
        if (known := found.get(setting.key)) is not None and known.type != setting.type:
            found[setting.key] = replace(known, type=f"{known.type} or {setting.type}")
        else:
            found.setdefault(setting.key, setting)
    return list(found.values())


def check_settings() -> None:
    """Check the whole file and every `MLMON_…` variable, whichever command is run.

    Raises:
        WrongValueError: Something is unknown, misspelled or wrong; it names all of it.
    """
    problems, hints = [], []
    loads: list[Callable[[], object]] = [
        load_settings,
        *(_section(table).load for table in _set_tables()),
        configured,
    ]
    for load in loads:
        try:
            load()
        except UserError as error:
            problems.append(error.message)
            hints.append(error.hint)
    ours = [
        name
        for name in os.environ
        if name.startswith(VARIABLE_PREFIX) and not name.startswith(_OTHERS)
    ]
    known = {setting.variable for setting in _top_level()}
    if any(name.upper() not in known for name in ours):
        known = {setting.variable for setting in list_settings() if setting.variable}
    for name in ours:
        if name.upper() not in known:
            problems.append(unknown_name("environment variable", name, known))
            hints.append("Correct or unset the variable.")
    if problems:
        raise WrongValueError("; ".join(dict.fromkeys(problems)), hints[0])


def _set_tables() -> list[str]:
    """Return the tables of which the file or a variable sets something; the others are default."""
    try:
        content = read_settings_file()
    except WrongValueError:
        # Whoever reads the top level reports it.
        content = {}
    names = [name.upper() for name in os.environ]
    return [
        table
        for table in TABLE_NAMES
        if table in content or any(name.startswith(section_prefix(table)) for name in names)
    ]


def _settings_of(model: type[BaseModel], table: str, prefix: str) -> Iterator[Setting]:
    for name, field in model.model_fields.items():
        yield _setting(name, field, table, f"{prefix}{name.upper()}" if prefix else "")
        for inner, path in _models_in(field.annotation, ".".join(filter(None, (table, name)))):
            yield from _settings_of(inner, path, "")


def _setting(name: str, field: FieldInfo, table: str, variable: str) -> Setting:
    return Setting(
        name=name,
        table=table,
        key=f"{table}.{name}" if table else name,
        variable=variable,
        type=_words(field.annotation),
        default=_default(field),
        description=field.description or "",
    )


def _models_in(kind: Any, path: str) -> Iterator[tuple[type[BaseModel], str]]:
    """Yield the tables within a setting, each with its path."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind, path
        return
    inner = f"{path}.<name>" if get_origin(kind) is dict else path
    for part in get_args(kind):
        yield from _models_in(part, inner)


def _words(kind: Any) -> str:
    origin, parts = get_origin(kind), [part for part in get_args(kind) if part is not NoneType]
    if origin is Literal:
        return " or ".join(f'"{part}"' if isinstance(part, str) else str(part) for part in parts)
    if origin in {Union, UnionType}:
        return " or ".join(dict.fromkeys(map(_words, parts)))
    if origin in {tuple, list, set, frozenset}:
        return f"list of {_words(parts[0])}"
    if origin is dict or (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return "table"
    if origin is not None and parts:  # Annotated
        return _words(parts[0])
    return _TYPES.get(kind, "value")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return ""
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None or value in ("", (), {}):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(str, value)) + "]"
    return str(value)
