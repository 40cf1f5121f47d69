"""A package's own settings: a table of `mlmon.toml`, and environment variables of its prefix.

A package declares its table as a subclass of `Section`, or of `SectionSettings` where it talks to a
server of its own. Every one that is imported is known to `SECTIONS`.
"""

from typing import Any, ClassVar, Final, Self

from pydantic import ValidationError
from pydantic_settings import SettingsConfigDict, SettingsError

from mlmon.elastic.access import Access
from mlmon.elastic.settings_file import (
    TABLE_NAMES,
    FileSettings,
    read_table,
    section_prefix,
    settings_error,
)

SECTIONS: Final[dict[str, type["SettingsSection"]]] = {}
"""The declared sections by the names of their tables."""


class SettingsSection(FileSettings):
    """Settings of one package: arguments first, its variables second, its table third.

    Attributes:
        section: Name of its table.
    """

    section: ClassVar[str]
    model_config = SettingsConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        """Make a section known by its table, and give it the prefix of its variables."""
        if "section" not in cls.__dict__:
            return
        if cls.section not in TABLE_NAMES:
            raise TypeError(f"[{cls.section}] is not one of settings_file.TABLE_NAMES")
        cls.model_config.setdefault("env_prefix", "")
        cls.model_config["env_prefix"] = cls.model_config["env_prefix"] or section_prefix(
            cls.section
        )
        SECTIONS[cls.section] = cls

    @classmethod
    def read_file(cls) -> dict[str, Any]:
        """Return the section's table of the file."""
        return read_table(cls.section)

    @classmethod
    def load(cls, **overrides: Any) -> Self:
        """Read the settings; keyword arguments that are not None go before everything else.

        Raises:
            WrongValueError: A key is unknown or a value is wrong.
        """
        chosen = {key: value for key, value in overrides.items() if value is not None}
        try:
            return cls(**chosen)
        except (ValidationError, SettingsError) as error:
            prefix = str(cls.model_config["env_prefix"])
            raise settings_error(error, cls, prefix, cls.section) from None


class SectionSettings(SettingsSection, Access):
    """Settings of a package and its access to the server that it talks to."""
