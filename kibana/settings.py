"""Where Kibana is: the environment (`MLMON_KIBANA_…`) first, `[kibana]` of the file second."""

from typing import Any

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from elastic.access import Access
from elastic.errors import UserError
from elastic.settings import plain_url, read_section, settings_error
from kibana.place import DEFAULT

PREFIX = "MLMON_KIBANA_"


class KibanaSettings(Access):
    """Where Kibana is and how to reach it.

    The credentials are its own: those of Elasticsearch are not sent to another address unasked.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    url: str | None = Field(None, description="URL of Kibana, with its base path if it has one")
    space: str = Field(DEFAULT, description="space that everything is brought into")

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
        section = InitSettingsSource(settings_cls, read_section("kibana"))
        return init_settings, env_settings, section

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: str | None) -> str | None:
        return plain_url(url) if url else None

    def address(self) -> str:
        """Return the URL.

        Raises:
            UserError: There is none.
        """
        if self.url is None:
            raise UserError(
                "No Kibana: no URL is set",
                "Set MLMON_KIBANA_URL, or write files with `mlmon kibana export` and import them.",
            )
        return self.url


def load_kibana_settings(**overrides: Any) -> KibanaSettings:
    """Read the settings; keyword arguments that are not None go before everything else.

    Raises:
        UserError: A key is unknown or a value is wrong.
    """
    chosen = {key: value for key, value in overrides.items() if value is not None}
    try:
        return KibanaSettings(**chosen)
    except ValidationError as error:
        raise settings_error(error, PREFIX, KibanaSettings.model_fields.keys()) from None
