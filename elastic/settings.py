"""Settings: the environment (`MLMON_…`) first, the file `mlmon.toml` second, defaults last.

The file lies in the working directory or where `MLMON_CONFIG` says. Its top-level keys are the
fields of `Settings`; a table named after a package (`[analyzers]`, `[alerting]`, …) belongs to that
package, which reads it from `Settings.sections`.
"""

import os
import re
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from mlmon.elastic.access import Access
from mlmon.elastic.errors import UserError, WrongValueError

PREFIX = "MLMON_"
SECTIONS = frozenset({"elastic", "ingest", "analyzers", "alerting", "kibana"})
# The third part of a data stream's name: lower case, no hyphen, at most 100 bytes.
_NAMESPACE = re.compile(r"[a-z0-9][a-z0-9_.]{0,99}")
_HEAP = re.compile(r"[1-9][0-9]*[mg]")


class Settings(Access):
    """Where Elasticsearch is, how to reach it, and where mlmon keeps its own files.

    Secrets are `SecretStr`, so that no repr, log line or error shows them.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    elasticsearch_url: str | None = Field(
        None,
        description="URLs of the cluster's nodes, separated by commas; without one the embedded "
        "node is used",
    )
    namespace: str = Field("default", description="environment: part of every index's name")
    home: Path | None = Field(
        None, description="folder of mlmon's state and of the embedded node's data"
    )
    cache: Path | None = Field(
        None, description="folder of downloads: Elasticsearch, and a JDK where there is none"
    )
    node_heap: str = Field("512m", description="heap of the embedded node, as Java writes it")
    node_port: int = Field(9200, ge=1024, le=65535, description="its port, where that is free")
    node_secure: bool = Field(default=False, description="TLS and users on the embedded node")
    sections: dict[str, dict[str, Any]] = Field(
        default_factory=dict, repr=False, description="tables of the file, by package"
    )

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
        return init_settings, env_settings, InitSettingsSource(settings_cls, _read_file())

    @field_validator("elasticsearch_url")
    @classmethod
    def _check_url(cls, url: str | None) -> str | None:
        return ",".join(plain_url(part.strip()) for part in url.split(",")) if url else None

    @property
    def urls(self) -> tuple[str, ...]:
        """URLs of the cluster's nodes; none where the embedded node is used."""
        return tuple(self.elasticsearch_url.split(",")) if self.elasticsearch_url else ()

    @field_validator("namespace")
    @classmethod
    def _check_namespace(cls, namespace: str) -> str:
        if not _NAMESPACE.fullmatch(namespace):
            raise ValueError(
                "a namespace is 1 to 100 lower-case letters, digits, '_' or '.', no hyphen"
            )
        return namespace

    @field_validator("node_heap")
    @classmethod
    def _check_heap(cls, heap: str) -> str:
        if not _HEAP.fullmatch(heap):
            raise ValueError("a heap is a number and a unit, such as 512m or 2g")
        return heap


def plain_url(url: str) -> str:
    """Return an http(s) URL without its trailing slash.

    Raises:
        ValueError: It is no such URL, or it carries credentials; the message repeats neither.
    """
    try:
        parts = urlsplit(url)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise ValueError("not a URL of the form http(s)://host[:port][/path]")
    if "@" in parts.netloc:
        raise ValueError(
            "credentials do not belong in a URL: set MLMON_API_KEY, or MLMON_USERNAME and "
            "MLMON_PASSWORD"
        )
    if parts.query or parts.fragment:
        raise ValueError("a cluster's URL has no query and no fragment")
    return url.rstrip("/")


def load_settings(**overrides: Any) -> Settings:
    """Read the settings; keyword arguments that are not None go before everything else.

    Raises:
        UserError: The file is not TOML, a key is unknown, or a value is wrong.
    """
    try:
        return Settings(**{key: value for key, value in overrides.items() if value is not None})
    except ValidationError as error:
        known = (Settings.model_fields.keys() - {"sections"}) | SECTIONS
        raise settings_error(error, PREFIX, known) from None


def read_section(name: str) -> dict[str, Any]:
    """Return a package's table of the file, empty where there is none."""
    section: dict[str, Any] = _read_file()["sections"].get(name, {})
    return section


def _file() -> Path:
    return Path(os.environ.get(f"{PREFIX}CONFIG", "mlmon.toml"))


def _read_file() -> dict[str, Any]:
    path = _file()
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if f"{PREFIX}CONFIG" in os.environ:
            raise WrongValueError(
                f"{path} does not exist", "Correct or unset MLMON_CONFIG."
            ) from None
        return {"sections": {}}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise WrongValueError(f"{path} cannot be read: {error}", "Correct the file.") from error
    sections = {key: values.pop(key) for key in SECTIONS & values.keys()}
    return {**values, "sections": sections}


def settings_error(error: ValidationError, prefix: str, known: Collection[str]) -> UserError:
    """Return what is wrong with some settings in words.

    Args:
        error: What pydantic found.
        prefix: Of the environment's variables.
        known: Names that there are.
    """
    problems = [
        _problem(str(part["loc"][0]) if part["loc"] else "", part["msg"], prefix, known)
        for part in error.errors()
    ]
    return WrongValueError("; ".join(problems), f"Correct the environment or {_file()}.")


def _problem(field: str, message: str, prefix: str, known: Collection[str]) -> str:
    if message == "Extra inputs are not permitted":
        return f"unknown setting {field!r} (known: {', '.join(sorted(known))})"
    text = message.removeprefix("Value error, ")
    return f"{prefix}{field.upper()}: {text}" if field else text
