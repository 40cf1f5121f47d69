"""Settings: the environment (`MLMON_…`) first, the file `mlmon.toml` second, defaults last."""

import base64
import re
from pathlib import Path
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import SettingsConfigDict, SettingsError

from mlmon.elastic.access import Access
from mlmon.elastic.section import SettingsSection
from mlmon.elastic.settings_file import VARIABLE_PREFIX, FileSettings, settings_error

DEFAULT_NAMESPACE = "default"

# The third part of a data stream's name: lower case, no hyphen, at most 100 bytes.
_NAMESPACE = re.compile(r"[a-z0-9][a-z0-9_.]{0,99}")
_HEAP = re.compile(r"[1-9][0-9]*[mg]")


class Settings(Access, FileSettings):
    """Where Elasticsearch is, how to reach it, and where mlmon keeps its own files.

    Secrets are `SecretStr`, so that no repr, log line or error shows them.
    """

    model_config = SettingsConfigDict(
        env_prefix=VARIABLE_PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    elasticsearch_url: str | None = Field(
        None,
        description="URLs of the cluster's nodes, separated by commas; without one the embedded "
        "node is used",
    )
    cloud_id: str | None = Field(
        None, description="deployment in Elastic Cloud, in place of URLs: the text that Cloud shows"
    )
    namespace: str = Field(DEFAULT_NAMESPACE, description="environment: part of every index's name")
    home: Path | None = Field(
        None,
        description="folder of mlmon's state and of the embedded node's data. Default: "
        "`/var/lib/mlmon` for root, else `mlmon` in `$XDG_STATE_HOME` or `~/.local/state`",
    )
    cache: Path | None = Field(
        None,
        description="folder of downloads: Elasticsearch, and a JDK where there is none. Default: "
        "`cache` in `MLMON_HOME` where that is set, `/var/cache/mlmon` for root, else `mlmon` in "
        "`$XDG_CACHE_HOME` or `~/.cache`",
    )
    node_heap: str = Field("512m", description="heap of the embedded node, as Java writes it")
    node_port: int = Field(9200, ge=1024, le=65535, description="its port, where that is free")
    node_secure: bool = Field(default=False, description="TLS and users on the embedded node")

    @field_validator("elasticsearch_url")
    @classmethod
    def _check_url(cls, url: str | None) -> str | None:
        return ",".join(plain_url(part.strip()) for part in url.split(",")) if url else None

    @model_validator(mode="after")
    def _check_cluster(self) -> Self:
        if self.elasticsearch_url and self.cloud_id:
            raise ValueError("set elasticsearch_url or cloud_id, not both")
        return self

    @field_validator("cloud_id")
    @classmethod
    def _check_cloud_id(cls, cloud_id: str | None) -> str | None:
        if cloud_id is None:
            return None
        try:
            parts = base64.b64decode(cloud_id.rpartition(":")[2], validate=True).decode().split("$")
        except ValueError:
            parts = []
        if len(parts) < 2 or not parts[1]:  # noqa: PLR2004 - the host, and what names the cluster
            raise ValueError("not a cloud id: copy it from the deployment's page in Elastic Cloud")
        return cloud_id

    @property
    def is_embedded(self) -> bool:
        """Whether the embedded node is used."""
        return not self.elasticsearch_url and not self.cloud_id

    @property
    def cluster_name(self) -> str:
        """Name of the cluster in the settings, for messages."""
        cloud = f"Elastic Cloud {self.cloud_id.partition(':')[0]}" if self.cloud_id else None
        return cloud or self.elasticsearch_url or "the embedded node"

    @property
    def urls(self) -> tuple[str, ...]:
        """URLs of the cluster's nodes, where it is named by URL."""
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


class ElasticSettings(SettingsSection):
    """The table `[elastic]`."""

    section: ClassVar = "elastic"

    urls: tuple[str, ...] = Field(
        (), description="URLs of the cluster's nodes, in place of `elasticsearch_url`"
    )
    retention: dict[str, Any] = Field(
        default_factory=dict,
        description='days to keep each dataset or index, such as "ml.prediction" = 90, or '
        '"forever"',
    )

    @field_validator("urls")
    @classmethod
    def _check_urls(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(plain_url(url) for url in urls)


def load_settings(**overrides: Any) -> Settings:
    """Read the settings; keyword arguments that are not None go before everything else.

    Raises:
        WrongValueError: The file is not TOML, a key is unknown, or a value is wrong.
    """
    chosen = {key: value for key, value in overrides.items() if value is not None}
    try:
        settings = Settings(**chosen)
    except (ValidationError, SettingsError) as error:
        raise settings_error(error, Settings, VARIABLE_PREFIX) from None
    if settings.elasticsearch_url is None and settings.cloud_id is None:
        urls = ElasticSettings.load().urls
        return settings.model_copy(update={"elasticsearch_url": ",".join(urls) or None})
    return settings
