"""The one table of fields: what a line of each dataset may hold.

Index templates, the field documentation (`docs/fields.md`) and the validation of events are derived
from it. Names follow the Elastic Common Schema (https://www.elastic.co/docs/reference/ecs); fields
that ECS does not define start with `ml.`. A name with a `*` is a family of fields, one for each
name in place of the star.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from mlmon.logging_config.errors import ConfigurationError

SCHEMA_VERSION: Final = 1
"""Version of this table (`ml.schema_version`): raised when a name, type or meaning changes."""

ECS_VERSION: Final = "8.17.0"
"""The version of the Elastic Common Schema whose names are used, written as `ecs.version`."""

TYPES: Final = frozenset(
    {"boolean", "date", "double", "flattened", "keyword", "long", "match_only_text"}
)
"""The Elasticsearch field types a field may have."""

FIELD_LEVELS: Final = frozenset({"core", "extended", "custom"})

MAX_TEXT: Final = 32_768
"""Characters of a text: a message, a stack trace."""

MAX_KEYWORD: Final = 1_024
"""Characters of a keyword or a label; Lucene rejects terms over 32,766 bytes."""

MAX_KEY: Final = 256
"""Characters of a key."""

MAX_DEPTH: Final = 16
"""Levels of nesting; Elasticsearch's own limit is 20."""

MAX_ITEMS: Final = 16_384
"""Values in one event, all its lists and mappings together."""

MAX_LINE: Final = 1_048_576
"""Bytes of a line; a larger one is written with its longest values cut."""

MAX_CACHED: Final = 8_192
"""Entries of each cache, so that a service's memory stays flat for any keys and texts."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the log.

    Attributes:
        name: dotted name; `*` in the place of one part makes it a family.
        type: Elasticsearch field type, one of `TYPES`.
        description: what the value means, one sentence.
        unit: unit of a number, empty when it has none.
        required: whether each line of the dataset carries it.
        level: ECS's `core` or `extended`, or `custom` for a field ECS does not know.
        array: whether the value is a list of values of the type.
        identifier: whether the value joins events, so that it is not redacted as a card number.
        counted: whether values are counted, grouped or sorted; others are only searched for.
    """

    name: str
    type: str
    description: str
    unit: str = ""
    required: bool = False
    level: str = "custom"
    array: bool = False
    identifier: bool = False
    counted: bool = True

    def __post_init__(self) -> None:
        if self.type not in TYPES:
            raise ConfigurationError(
                f"Field {self.name!r} has the unknown type {self.type!r}.",
                f"Use one of: {', '.join(sorted(TYPES))}.",
            )
        if self.level not in FIELD_LEVELS:
            raise ConfigurationError(
                f"Field {self.name!r} has the unknown level {self.level!r}.",
                f"Use one of: {', '.join(sorted(FIELD_LEVELS))}.",
            )

    @property
    def is_family(self) -> bool:
        """Whether the name stands for many fields (a dynamic template in Elasticsearch)."""
        return "*" in self.name

    @property
    def is_measured(self) -> bool:
        """Whether it is a measured quantity: summed and compared, never searched for alone."""
        return self.type == "double" or (self.type == "long" and bool(self.unit))


ENVELOPE: Final = (
    Field("@timestamp", "date", "When the event happened, UTC.", "µs", required=True, level="core"),
    Field("log.level", "keyword", "Severity of the line.", required=True, level="core"),
    Field("message", "match_only_text", "The event as a sentence.", required=True, level="core"),
    Field("ecs.version", "keyword", "ECS version of the field names.", required=True, level="core"),
    Field(
        "event.id",
        "keyword",
        "`<process.entity_id>-<event.sequence>`: unique, and the document id.",
        required=True,
        level="core",
        identifier=True,
    ),
    Field(
        "event.dataset", "keyword", "Dataset; names the data stream.", required=True, level="core"
    ),
    Field(
        "event.sequence",
        "long",
        "Number of the event within its process start, from 1; gaps show lost events.",
        required=True,
        level="extended",
    ),
    Field(
        "process.entity_id",
        "keyword",
        "Id of the process start; random, and new in a forked child.",
        required=True,
        level="extended",
        identifier=True,
    ),
    Field("service.name", "keyword", "Name of the service.", required=True, level="core"),
    Field("service.version", "keyword", "Version of the service.", required=True, level="core"),
    Field(
        "service.environment",
        "keyword",
        "Environment of the service, for example production.",
        required=True,
        level="extended",
    ),
    Field("ml.schema_version", "long", "Version of this table of fields.", required=True),
)
"""The fields the log itself writes on each line; a caller cannot set them."""

CORRELATION: Final = (
    Field(
        "trace.id",
        "keyword",
        "Trace: from W3C traceparent, OpenTelemetry or Elastic APM, else random.",
        required=True,
        level="extended",
        identifier=True,
        counted=False,
    ),
    Field(
        "span.id",
        "keyword",
        "Span within the trace.",
        level="extended",
        identifier=True,
        counted=False,
    ),
    Field(
        "transaction.id",
        "keyword",
        "Transaction of Elastic APM.",
        level="extended",
        identifier=True,
        counted=False,
    ),
    Field(
        "http.request.id",
        "keyword",
        "HTTP request during which the event was logged.",
        level="extended",
        identifier=True,
        counted=False,
    ),
    Field("ml.model.name", "keyword", "Name of the model."),
    Field("ml.model.version", "keyword", "Version of the model."),
    Field("ml.job.name", "keyword", "Name of the job that was running."),
    Field("ml.job.run_id", "keyword", "Run of the job.", identifier=True),
)
"""Ids that connect the events of one request, run or trace."""

DIAGNOSTICS: Final = (
    Field("log.logger", "keyword", "Name of the logger.", level="core"),
    Field("process.thread.name", "keyword", "Thread that logged the event.", level="extended"),
    Field("error.type", "keyword", "Class of the exception.", level="extended"),
    Field("error.code", "keyword", "Stable code of the error, for counting.", level="core"),
    Field("error.message", "match_only_text", "Message of the exception.", level="core"),
    Field(
        "error.stack_trace",
        "match_only_text",
        "Stack trace, without the values of variables.",
        level="extended",
    ),
    Field("labels", "flattened", "All other keys that were logged.", level="core"),
    Field("event.ingested", "date", "When the shipper sent the line.", level="core"),
    Field("agent.id", "keyword", "Id of the shipper that sent the line.", level="core"),
    Field(
        "agent.type",
        "keyword",
        "Program that sent the line, such as `filebeat`; absent where mlmon did.",
        level="core",
    ),
    Field("elastic_agent.id", "keyword", "Id of the Elastic Agent that sent the line."),
    Field(
        "ml.log.changes",
        "keyword",
        "Changes made to write the event, each `<kind>:<field>`.",
        array=True,
    ),
    Field(
        "ml.log.dropped",
        "long",
        "Events dropped since the previous such line.",
    ),
)
"""Optional fields of any line: its origin, an error, and the log itself."""

COMMON: Final = ENVELOPE + CORRELATION + DIAGNOSTICS
"""The fields every dataset shares."""

_PREDICTION_ID: Final = Field(
    "ml.prediction.id", "keyword", "Id of the prediction.", required=True, identifier=True
)
_ACTION: Final = Field(
    "event.action",
    "keyword",
    "What was done: `started`, `ended`, `train`, `evaluate` or `reload`.",
    required=True,
    level="core",
)
_OUTCOME: Final = Field("event.outcome", "keyword", "`success` or `failure`.", level="core")
_DURATION: Final = Field("event.duration", "long", "Duration.", "ns", level="core")

UNINDEXED_NAMES: Final = Field(
    "ml.features.unindexed_names",
    "keyword",
    "Names of the fields beyond the number that is indexed, at most 20; added by the shipper.",
    array=True,
)

OWN: Final[Mapping[str, tuple[Field, ...]]] = MappingProxyType(
    {
        "ml.prediction": (
            _PREDICTION_ID,
            Field(
                "ml.prediction.score",
                "double",
                "Probability predicted by the model.",
                required=True,
            ),
            Field("ml.prediction.threshold", "double", "Scores at or above it are approved."),
            Field("ml.prediction.decision", "keyword", "`approved` or `rejected`.", required=True),
            Field("ml.features.numeric.*", "double", "A numeric feature."),
            Field("ml.features.categorical.*", "keyword", "A categorical or boolean feature."),
            Field(
                "ml.features.embedding.*",
                "double",
                "An embedding; stored, not indexed.",
                array=True,
            ),
            Field(
                "ml.features.embedded",
                "keyword",
                "Names of the embeddings the line holds.",
                array=True,
            ),
            Field(
                "ml.features.missing",
                "keyword",
                "Names of the features without a value.",
                array=True,
            ),
            Field(
                "ml.features.hashed",
                "keyword",
                "Names of the features whose values the redaction hashed.",
                array=True,
            ),
            Field(
                "ml.features.withheld",
                "keyword",
                "Names of the features with a value that the redaction left out.",
                array=True,
            ),
            UNINDEXED_NAMES,
            Field(
                "ml.features.sample_rate",
                "double",
                "Share of traces whose features are written; absent when 1.",
                "ratio",
            ),
            Field("ml.feature_source.*.status", "keyword", "`fresh`, `stale` or `missing`."),
            Field("ml.feature_source.*.age_s", "double", "Age of the source's data.", "s"),
            Field("ml.feature_source.*.last_updated_at", "date", "Last refresh of the source."),
        ),
        "ml.access": (
            Field(
                "http.request.method", "keyword", "HTTP method.", required=True, level="extended"
            ),
            Field(
                "url.path",
                "keyword",
                "Path, without the query string.",
                required=True,
                level="extended",
            ),
            Field(
                "http.response.status_code",
                "long",
                "HTTP status code.",
                required=True,
                level="extended",
            ),
            _DURATION,
        ),
        "ml.bid": (
            Field("ml.bid.id", "keyword", "Id of the bid.", required=True, identifier=True),
            _PREDICTION_ID,
            Field("ml.bid.value", "double", "Amount bid, in the service's currency."),
            Field("ml.bid.approved_by_model", "boolean", "Whether the model approved the bid."),
        ),
        "ml.outcome": (
            _PREDICTION_ID,
            Field("ml.outcome.label", "boolean", "Observed outcome.", required=True),
            Field("ml.outcome.value", "double", "Value of the outcome, in the service's currency."),
            Field("event.created", "date", "When the outcome became known.", level="core"),
        ),
        "ml.fallback": (
            Field(
                "ml.feature_source.name",
                "keyword",
                "Feature source that was stale or missing.",
                required=True,
            ),
            Field("ml.feature_source.age_s", "double", "Age of the source's data.", "s"),
            Field("event.reason", "keyword", "Why defaults were used.", level="extended"),
        ),
        "ml.store": (
            Field(
                "ml.feature_source.name",
                "keyword",
                "Feature source whose store of pre-computed values was measured.",
                required=True,
            ),
            Field(
                "ml.store.entity",
                "keyword",
                "What the values belong to, such as `profile` or `job`.",
                required=True,
            ),
            Field("ml.store.total", "long", "Entities that exist.", required=True),
            Field("ml.store.covered", "long", "Of them, those with values.", required=True),
            Field("ml.store.age_p50_s", "double", "Median age of the values.", "s"),
            Field("ml.store.age_p90_s", "double", "Age that 90 % of the values do not pass.", "s"),
        ),
        "ml.job": (
            Field("ml.job.records", "long", "Records processed by the run.", "records"),
            _ACTION,
            _OUTCOME,
            _DURATION,
        ),
        "ml.model": (
            _ACTION,
            _OUTCOME,
            _DURATION,
            Field("ml.evaluation.roc_auc", "double", "Area under the ROC curve."),
            Field("ml.evaluation.precision", "double", "Precision at the decision threshold."),
            Field("ml.evaluation.recall", "double", "Recall at the decision threshold."),
            Field("ml.evaluation.f1", "double", "Harmonic mean of precision and recall."),
            Field("ml.evaluation.*", "double", "Another evaluation metric, such as `log_loss`."),
            UNINDEXED_NAMES,
        ),
        "ml.app": (),
    }
)
"""Each dataset's own fields, in addition to `COMMON`."""

DATASETS: Final[Mapping[str, tuple[Field, ...]]] = MappingProxyType(
    {dataset: COMMON + own for dataset, own in OWN.items()}
)
"""Every dataset (`event.dataset`) and all the fields its lines may hold."""

REQUIRED_FIELDS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        dataset: frozenset(field.name for field in fields if field.required)
        for dataset, fields in DATASETS.items()
    }
)
"""The fields each line of a dataset carries."""

PURPOSES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ml.prediction": "One line per prediction.",
        "ml.access": "One line per HTTP request.",
        "ml.bid": "One line per bid placed.",
        "ml.outcome": "One line per outcome that became known.",
        "ml.fallback": "One line per use of defaults for a stale or missing source.",
        "ml.store": "One line per measurement of a store of pre-computed features.",
        "ml.job": "One line per start and one per end of a job's run.",
        "ml.model": "One line per training, evaluation or reload of a model.",
        "ml.app": "All other log lines.",
    }
)
"""The event that one line of each dataset records."""
