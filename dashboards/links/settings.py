"""Kibana's address: the environment (`MLMON_KIBANA_…`) first, `[kibana]` of the file second."""

from typing import Any, ClassVar

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from mlmon.dashboards.links.target import DEFAULT
from mlmon.elastic.errors import UserError
from mlmon.elastic.section import SectionSettings
from mlmon.elastic.settings import plain_url

PREFIX = "MLMON_KIBANA_"


class KibanaSettings(SectionSettings):
    """Where Kibana is and how to reach it.

    The credentials are its own: those of Elasticsearch are not sent to another address unasked.
    """

    section: ClassVar = "kibana"
    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    url: str | None = Field(None, description="URL of Kibana, with its base path if it has one")
    space: str = Field(DEFAULT, description="space that everything is synced to")

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
    return KibanaSettings.load(**overrides)
