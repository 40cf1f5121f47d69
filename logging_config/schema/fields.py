"""The one table of fields: what a line of each dataset may hold.

Index templates, the field documentation (`docs/fields.md`) and the validation of events are made
from it. Names follow the Elastic Common Schema (https://www.elastic.co/docs/reference/ecs); what
ECS has no name for lives under `ml.`. A name with a `*` stands for a family of fields, one for each
name in the star's place.
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

LEVELS: Final = frozenset({"core", "extended", "custom"})


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
        identifier: whether the value joins events, so that it is not taken for a card number.
    """

    name: str
    type: str
    description: str
    unit: str = ""
    required: bool = False
    level: str = "custom"
    array: bool = False
    identifier: bool = False

    def __post_init__(self) -> None:
        if self.type not in TYPES:
            raise ConfigurationError(
                f"Field {self.name!r} has the unknown type {self.type!r}.",
                f"Use one of: {', '.join(sorted(TYPES))}.",
            )
        if self.level not in LEVELS:
            raise ConfigurationError(
                f"Field {self.name!r} has the unknown level {self.level!r}.",
                f"Use one of: {', '.join(sorted(LEVELS))}.",
            )

    @property
    def is_family(self) -> bool:
        """Whether the name stands for many fields (a dynamic template in Elasticsearch)."""
        return "*" in self.name


ENVELOPE: Final = (
    Field("@timestamp", "date", "When the event happened, UTC.", "µs", required=True, level="core"),
    Field("log.level", "keyword", "Severity of the line.", required=True, level="core"),
    Field("message", "match_only_text", "The event for a reader.", required=True, level="core"),
    Field("ecs.version", "keyword", "ECS version of the names.", required=True, level="core"),
    Field(
        "event.id",
        "keyword",
        "`<process.entity_id>-<event.sequence>`: unique from birth, the document's id.",
        required=True,
        level="core",
        identifier=True,
    ),
    Field("event.dataset", "keyword", "Names the data stream.", required=True, level="core"),
    Field(
        "event.sequence",
        "long",
        "Counts a process's events from 1; gaps measure what was lost.",
        required=True,
        level="extended",
    ),
    Field(
        "process.entity_id",
        "keyword",
        "Drawn at each start of a process.",
        required=True,
        level="extended",
        identifier=True,
    ),
    Field("service.name", "keyword", "The emitting service.", required=True, level="core"),
    Field("service.version", "keyword", "Its version.", required=True, level="core"),
    Field(
        "service.environment",
        "keyword",
        "Where it runs, for example production.",
        required=True,
        level="extended",
    ),
    Field("ml.schema_version", "long", "Version of this table.", required=True),
)
"""What the log itself writes on each line; a caller cannot set these."""

CORRELATION: Final = (
    Field(
        "trace.id",
        "keyword",
        "The work it belongs to: W3C traceparent, OpenTelemetry or Elastic APM, else made.",
        required=True,
        level="extended",
        identifier=True,
    ),
    Field("span.id", "keyword", "The span within the trace.", level="extended", identifier=True),
    Field(
        "transaction.id", "keyword", "Elastic APM's transaction.", level="extended", identifier=True
    ),
    Field(
        "http.request.id", "keyword", "The request being served.", level="extended", identifier=True
    ),
    Field("ml.model.name", "keyword", "Name of the model."),
    Field("ml.model.version", "keyword", "Version of the model."),
    Field("ml.job.name", "keyword", "The job being run."),
    Field("ml.job.run_id", "keyword", "This run of the job.", identifier=True),
)
"""Ids that follow the work through its events."""

DIAGNOSTICS: Final = (
    Field("log.logger", "keyword", "Name of the logger.", level="core"),
    Field("process.thread.name", "keyword", "The emitting thread.", level="extended"),
    Field("error.type", "keyword", "Class of the exception.", level="extended"),
    Field("error.code", "keyword", "Code of the error, stable for counting.", level="core"),
    Field("error.message", "match_only_text", "Text of the exception.", level="core"),
    Field(
        "error.stack_trace",
        "match_only_text",
        "Stack trace, without local variables.",
        level="extended",
    ),
    Field("labels", "flattened", "Whatever else was logged, one key each.", level="core"),
    Field("event.ingested", "date", "When the shipper sent the line.", level="core"),
    Field("agent.id", "keyword", "The shipper that sent the line.", level="core"),
    Field(
        "ml.log.changes",
        "keyword",
        "What the log had to change to write the event, each `<kind>:<field>`.",
        array=True,
    ),
    Field("ml.log.dropped", "long", "Events the full queue dropped since the last such notice."),
)
"""What any line may carry about its origin, an error, and the log itself."""

COMMON: Final = ENVELOPE + CORRELATION + DIAGNOSTICS
"""The fields every dataset shares."""

_PREDICTION_ID: Final = Field(
    "ml.prediction.id", "keyword", "The prediction.", required=True, identifier=True
)
_ACTION: Final = Field("event.action", "keyword", "What was done.", required=True, level="core")
_OUTCOME: Final = Field("event.outcome", "keyword", "`success` or `failure`.", level="core")
_DURATION: Final = Field("event.duration", "long", "How long it took.", "ns", level="core")

OWN: Final[Mapping[str, tuple[Field, ...]]] = MappingProxyType(
    {
        "ml.prediction": (
            _PREDICTION_ID,
            Field("ml.prediction.score", "double", "The model's probability.", required=True),
            Field("ml.prediction.threshold", "double", "Scores from here on are approved."),
            Field("ml.prediction.decision", "keyword", "`approved` or `rejected`.", required=True),
            Field("ml.features.numeric.*", "double", "A numeric feature."),
            Field("ml.features.categorical.*", "keyword", "A categorical or boolean feature."),
            Field("ml.features.embedding.*", "double", "An embedding.", array=True),
            Field(
                "ml.features.embedded",
                "keyword",
                "Embeddings the line holds; they themselves are not indexed.",
                array=True,
            ),
            Field("ml.features.missing", "keyword", "Features without a value.", array=True),
            Field(
                "ml.features.sample_rate",
                "double",
                "Share of traces whose features are written, when below 1.",
                "ratio",
            ),
            Field("ml.feature_source.*.status", "keyword", "`fresh`, `stale` or `missing`."),
            Field("ml.feature_source.*.age_s", "double", "Age of the source's data.", "s"),
            Field("ml.feature_source.*.last_updated_at", "date", "When the source was refreshed."),
        ),
        "ml.access": (
            Field("http.request.method", "keyword", "Method.", required=True, level="extended"),
            Field(
                "url.path", "keyword", "Path, without the query.", required=True, level="extended"
            ),
            Field("http.response.status_code", "long", "Status.", required=True, level="extended"),
            _DURATION,
        ),
        "ml.bid": (
            Field("ml.bid.id", "keyword", "The bid.", required=True, identifier=True),
            _PREDICTION_ID,
            Field("ml.bid.value", "double", "What was bid, in the service's currency."),
            Field("ml.bid.approved_by_model", "boolean", "Whether the model approved it."),
        ),
        "ml.outcome": (
            _PREDICTION_ID,
            Field("ml.outcome.label", "boolean", "What came true.", required=True),
            Field("ml.outcome.value", "double", "What it was worth, in the service's currency."),
            Field("event.created", "date", "When the outcome became known.", level="core"),
        ),
        "ml.fallback": (
            Field("ml.feature_source.name", "keyword", "The source replaced.", required=True),
            Field("ml.feature_source.age_s", "double", "Age of the source's data.", "s"),
            Field("event.reason", "keyword", "Why defaults were used.", level="extended"),
        ),
        "ml.job": (
            Field("ml.job.records", "long", "Records the run worked through.", "records"),
            _ACTION,
            _OUTCOME,
            _DURATION,
        ),
        "ml.model": (
            _ACTION,
            _OUTCOME,
            _DURATION,
            Field("ml.evaluation.*", "double", "A metric of the evaluation, such as `roc_auc`."),
        ),
        "ml.app": (),
    }
)
"""Each dataset's own fields, beside `COMMON`."""

DATASETS: Final[Mapping[str, tuple[Field, ...]]] = MappingProxyType(
    {dataset: COMMON + own for dataset, own in OWN.items()}
)
"""Every dataset (`event.dataset`) and all the fields its lines may hold."""

REQUIRED: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
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
        "ml.outcome": "One line per outcome learnt.",
        "ml.fallback": "One line per use of defaults for a stale or missing source.",
        "ml.job": "One line per start and one per end of a job's run.",
        "ml.model": "One line per training, evaluation or reload of a model.",
        "ml.app": "Anything else logged.",
    }
)
"""What one line of each dataset stands for."""
