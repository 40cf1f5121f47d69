"""Whom alerts are sent to: the environment (`MLMON_ALERTING_…`) first, `[alerting]` second."""

from datetime import timedelta
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from mlmon.alerting.compiled.connector_params import ConnectorReference, Named
from mlmon.alerting.incidents.maintenance import Maintenance, check_recurring
from mlmon.alerting.notify.channels import ChannelRoute
from mlmon.analyzers.base.finding import Severity
from mlmon.elastic.section import SectionSettings
from mlmon.elastic.settings import plain_url

PREFIX = "MLMON_ALERTING_"


class NamedConnector(BaseModel):
    """A connector of Kibana's that someone else made, named by its id."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(min_length=1, description="its id in Kibana")
    type: Named = Field(description="its type in Kibana")
    level: Literal["warning", "critical"] = Field("warning", description="severity it is used from")
    to: tuple[str, ...] = Field((), description="recipients, where its type needs some")


class AlertingSettings(SectionSettings):
    """Where alerts go in addition to mlmon's own index, and how to reach it.

    The access is Alertmanager's: a user and a password, or an API key, sent as a bearer token.
    """

    section: ClassVar = "alerting"
    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    alertmanager_url: str | None = Field(
        None, description="URL of an Alertmanager, or several of a cluster, separated by commas"
    )
    runbook_url: str = Field("", description="URL that the paths of runbooks follow")
    dashboard_url: str = Field("", description="URL of a page that shows incidents, sent with each")
    serve_url: str | None = Field(
        None, description="URL at which people reach `mlmon serve`, for links to incidents"
    )
    notify: dict[str, ChannelRoute] = Field(
        default_factory=dict, description="routes to people, by any name"
    )
    maintenance: tuple[Maintenance, ...] = Field(
        (), description="times in which nobody is called about some services or models"
    )
    heartbeat_url: SecretStr | None = Field(
        None, description="URL of a heartbeat service, requested after each cycle that judged"
    )
    watchdog: timedelta | None = Field(
        None,
        gt=timedelta(0),
        description="life of the watchdog alert (default: three times the interval of "
        "`mlmon run`, 15 minutes with `--once`)",
    )
    connectors: dict[str, NamedConnector] = Field(
        default_factory=dict, description="Kibana's connectors that rules act by, by any name"
    )

    @field_validator("alertmanager_url")
    @classmethod
    def _check_url(cls, urls: str | None) -> str | None:
        return ",".join(plain_url(url.strip()) for url in urls.split(",")) if urls else None

    @field_validator("maintenance")
    @classmethod
    def _check_maintenance(cls, windows: tuple[Maintenance, ...]) -> tuple[Maintenance, ...]:
        check_recurring(windows)
        return windows

    @field_validator("serve_url")
    @classmethod
    def _check_serve_url(cls, url: str | None) -> str | None:
        if url is None:
            return None
        url = plain_url(url)
        if urlsplit(url).path:
            raise ValueError("`mlmon serve` answers at the root of a host: give no path")
        return url

    @property
    def alertmanagers(self) -> tuple[str, ...]:
        """The URLs of the Alertmanagers."""
        return tuple(self.alertmanager_url.split(",")) if self.alertmanager_url else ()

    def references(self) -> tuple[ConnectorReference, ...]:
        """Return the actions by connectors that someone else made."""
        return tuple(
            ConnectorReference(
                connector.id, connector.type, Severity(connector.level), connector.to
            )
            for _, connector in sorted(self.connectors.items())
        )


def load_alerting_settings(**overrides: Any) -> AlertingSettings:
    """Read the settings; keyword arguments that are not None go before everything else.

    Raises:
        UserError: A key is unknown or a value is wrong.
    """
    return AlertingSettings.load(**overrides)
