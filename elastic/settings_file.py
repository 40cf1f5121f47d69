"""The settings file `mlmon.toml`, and messages about wrong settings.

The file lies in the working directory or at the path in `MLMON_CONFIG`. Its top-level keys are the
fields of `Settings`; each table belongs to one package, which declares it as a `Section`.
"""

import difflib
import os
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsError,
)

from mlmon.elastic.errors import WrongValueError

VARIABLE_PREFIX: Final = "MLMON_"
CONFIG: Final = "MLMON_CONFIG"
TABLE_NAMES: Final = ("elastic", "analyzers", "reports", "alerting", "kibana", "serve")
"""The tables of the file. Their packages declare them, and not every command imports them all."""


def section_prefix(table: str) -> str:
    """Return what the environment variables of a table begin with."""
    return f"{VARIABLE_PREFIX}{table.upper()}_"


def settings_path() -> Path:
    """Return where the file is, or would be."""
    return Path(os.environ.get(CONFIG, "mlmon.toml"))


@contextmanager
def settings_from(path: Path) -> Iterator[None]:
    """Take settings from another file alone while the block runs: no variable of mlmon's counts."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(VARIABLE_PREFIX)}
    for name in kept:
        del os.environ[name]
    os.environ[CONFIG] = str(path)
    try:
        yield
    finally:
        del os.environ[CONFIG]
        os.environ.update(kept)


def read_settings_file() -> dict[str, Any]:
    """Return the content of the file, empty where there is none.

    Raises:
        WrongValueError: It is not TOML, or `MLMON_CONFIG` names a file that does not exist.
    """
    path = settings_path()
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if CONFIG in os.environ:
            raise WrongValueError(
                f"{path} does not exist", "Correct or unset MLMON_CONFIG."
            ) from None
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise WrongValueError(f"{path} cannot be read: {error}", "Correct the file.") from error


def read_table(name: str) -> dict[str, Any]:
    """Return a table of the file, empty where there is none.

    Raises:
        WrongValueError: It is no table, or the file cannot be read.
    """
    table = read_settings_file().get(name, {})
    if not isinstance(table, dict):
        raise WrongValueError(
            f"{name} of {settings_path()} is no table", f"Write [{name}], and its keys below it."
        )
    return table


def read_top_level() -> dict[str, Any]:
    """Return what the file holds outside of the packages' tables."""
    return {key: value for key, value in read_settings_file().items() if key not in TABLE_NAMES}


class FileSettings(BaseSettings):
    """Settings from arguments first, the environment second, the file third."""

    @classmethod
    def read_file(cls) -> dict[str, Any]:
        """Return the values of the file: those outside of the packages' tables."""
        return read_top_level()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - part of the hook's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - part of the hook's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put arguments before the environment, and the environment before the file."""
        return init_settings, env_settings, InitSettingsSource(settings_cls, cls.read_file())


def settings_error(
    error: ValidationError | SettingsError, model: type[BaseModel], prefix: str, table: str = ""
) -> WrongValueError:
    """Return what is wrong with some settings; no value is repeated, for it may be a secret.

    Args:
        error: What pydantic found.
        model: The settings' class.
        prefix: Of its environment variables.
        table: Its table of the file; empty for the top level.
    """
    if isinstance(error, SettingsError):
        text = f"a variable {prefix}… holds no JSON: {error}"
    else:
        text = "; ".join(_problem(part, model, prefix, table) for part in error.errors())
    return WrongValueError(text, f"Correct the environment or {settings_path()}.")


def unknown_name(kind: str, name: str, known: Iterable[str]) -> str:
    """Return that a name is unknown, with the known one that is spelled most like it."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, 1)
    help_ = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names)}"
    return f"unknown {kind} {name!r} ({help_})"


def _problem(part: Mapping[str, Any], model: type[BaseModel], prefix: str, table: str) -> str:
    place, inner = _followed(model, part["loc"])
    if part["type"] == "extra_forbidden":
        known: Collection[str] = inner.model_fields if inner else ()
        where = ".".join(str(key) for key in (table, *place[:-1]) if key != "")
        top = not where
        found = unknown_name("setting", str(place[-1]), [*known, *(TABLE_NAMES if top else ())])
        return found if top else f"{found} in [{where}]"
    text = str(part["msg"]).removeprefix("Value error, ")
    if part["type"] == "union_tag_invalid":
        text = f"type must be one of {part['ctx']['expected_tags']}"
    if part["type"] == "union_tag_not_found":
        text = "type is missing"
    if not place:
        return text
    variable = f"{prefix}{str(place[0]).upper()}"
    inner_keys = ".".join(str(key) for key in place[1:])
    content = read_table(table) if table else read_top_level()
    if variable not in os.environ and place[0] in content:
        return f"{'.'.join(str(key) for key in (table, *place) if key != '')}: {text}"
    return f"{variable}, {inner_keys}: {text}" if inner_keys else f"{variable}: {text}"


def _followed(
    model: type[BaseModel], place: Sequence[str | int]
) -> tuple[list[str | int], type[BaseModel] | None]:
    """Return a place as the file names it, and the class of the settings that its last key is in.

    Where settings differ by their `type`, pydantic's place names the type between two keys; the
    file does not.
    """
    keys: list[str | int] = []
    holder: type[BaseModel] | None = None
    kind: Any = model
    for key in place:
        while kind is not None and not (
            isinstance(kind, type) or get_origin(kind) in _CONTAINERS or _by_type(kind)
        ):
            kind = _inner(kind)
        if str(key) in (members := _by_type(kind)):
            kind = members[str(key)]
            continue
        keys.append(key)
        holder = kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
        field = holder.model_fields.get(str(key)) if holder else None
        following = field.annotation if field else None
        kind = _inner(kind) if holder is None else following
    return keys, holder


_CONTAINERS = frozenset({dict, tuple, list, set, frozenset})


def _by_type(kind: Any) -> dict[str, type[BaseModel]]:
    """Return the classes of a union that differ by their `type`, by it; empty for another type."""
    models = [
        part
        for part in get_args(kind)
        if isinstance(part, type) and issubclass(part, BaseModel) and "type" in part.model_fields
    ]
    if get_origin(kind) in _CONTAINERS or len(models) < len(get_args(kind)):
        return {}
    return {tag: part for part in models for tag in get_args(part.model_fields["type"].annotation)}


def _inner(kind: Any) -> Any:
    """Return the type of the values of a container; of a union, the first part that has some."""
    parts = [part for part in get_args(kind) if part not in {type(None), Ellipsis}]
    if get_origin(kind) is dict:
        return parts[1]
    return parts[0] if parts else None
