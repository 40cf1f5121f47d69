"""Settings of one package: the environment first, its own table of `mlmon.toml` second."""

from typing import Any, ClassVar, Self

from pydantic import ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource

from mlmon.elastic.access import Access
from mlmon.elastic.settings import read_section, settings_error


class SectionSettings(Access):
    """Settings that a package reads by itself, and the access to what it talks to.

    A subclass sets `model_config` with its `env_prefix`.

    Attributes:
        section: Name of its table.
    """

    section: ClassVar[str]

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
        table = InitSettingsSource(settings_cls, read_section(cls.section))
        return init_settings, env_settings, table

    @classmethod
    def load(cls, **overrides: Any) -> Self:
        """Read the settings; keyword arguments that are not None go before everything else.

        Raises:
            UserError: A key is unknown or a value is wrong.
        """
        chosen = {key: value for key, value in overrides.items() if value is not None}
        try:
            return cls(**chosen)
        except ValidationError as error:
            prefix = str(cls.model_config.get("env_prefix", ""))
            raise settings_error(error, prefix, cls.model_fields.keys()) from None
