"""The fields of the indices that mlmon itself writes: profiles, labels, findings, alerts and more.

What an index needs to be searched, sorted or counted by is listed in its table; the other fields of
documents are in `UNMAPPED`. They are data, so that `mlmon setup` can install every template
without knowing the packages that write the documents.
"""

from types import MappingProxyType
from typing import Final

from mlmon.elastic.indices import names
from mlmon.logging_config.schema.fields import Field

_WINDOW: Final = (
    Field("@timestamp", "date", "End of the window, UTC.", required=True),
    Field("event.start", "date", "Start of the window.", required=True),
    Field("event.end", "date", "End of the window.", required=True),
    Field("event.created", "date", "When the document was made: what was known then."),
)
_WHAT: Final = (
    Field("service.name", "keyword", "The service."),
    Field("service.environment", "keyword", "Where it runs."),
    Field("ml.model.name", "keyword", "Name of the model."),
    Field("ml.model.version", "keyword", "Version of the model."),
)
_SUBJECT: Final = (
    Field("finding.analyzer", "keyword", "The analyzer.", required=True),
    Field("finding.metric", "keyword", "What it measured.", required=True),
    Field("finding.subject", "keyword", "What it measured it of: a feature, a path, a job."),
    Field("finding.segment", "keyword", "The part of the traffic, where it was divided."),
)
_SERIES: Final = Field(
    "finding.series", "keyword", "The series: all of the above as text, without the window."
)
_SEVERITY: Final = Field(
    "finding.severity", "keyword", "`ok`, `warning`, `critical` or `unknown`.", required=True
)

PROFILE_TABLE: Final = (
    *_WINDOW,
    *_WHAT,
    Field("profile.dataset", "keyword", "The dataset it sums up.", required=True),
    Field("profile.kind", "keyword", "What it counts."),
    Field("profile.subject", "keyword", "What it counts it of."),
    Field("profile.segment", "keyword", "The part of the traffic, where it was divided."),
    Field("profile.baseline_id", "keyword", "The baseline whose edges it counts over."),
    Field("profile.format", "long", "Version of the profile's body."),
    Field("profile.count", "long", "Documents counted."),
    Field("profile.ingested", "date", "When the last of them was shipped."),
    Field("profile.revision", "long", "Raised when late logs change it."),
    Field("profile.latest", "boolean", "Whether no later revision exists."),
)

BASELINE_TABLE: Final = (
    Field("@timestamp", "date", "When the baseline was made.", required=True),
    *_WHAT,
    Field("baseline.id", "keyword", "The baseline.", required=True),
    Field("baseline.format", "long", "Version of the baseline's body."),
    Field("baseline.source", "keyword", "What it was made from."),
    Field("baseline.rows", "long", "Rows it was made from."),
)

_LABEL: Final = (
    Field("event.ingested", "date", "When it was joined or last changed."),
    Field("event.created", "date", "When the outcome became known, as logged."),
    Field("ml.prediction.id", "keyword", "The prediction.", required=True),
    Field("ml.outcome.label", "boolean", "What came true.", required=True),
    Field("ml.outcome.value", "double", "What it was worth, in the service's currency."),
)

LABEL_TABLE: Final = (
    Field("@timestamp", "date", "When the prediction was made, UTC.", required=True),
    *_WHAT,
    *_LABEL,
    Field("ml.prediction.score", "double", "The model's probability."),
    Field("ml.prediction.threshold", "double", "Scores from here on were approved."),
    Field("ml.prediction.decision", "keyword", "`approved` or `rejected`."),
    Field("label.learnt", "date", "When its first outcome was logged."),
    Field("label.delay_hours", "double", "From the prediction to that.", "h"),
    Field("label.wrong", "boolean", "Whether the decision was not what came true."),
    Field("label.outcomes", "long", "How many outcomes were logged for it."),
    Field("label.contradicted", "boolean", "Whether these differ; the last one counts."),
    Field("label.divided_by", "keyword", "Features that divided the traffic when it was joined."),
    Field("label.segments", "keyword", "Its parts of the traffic by them, such as `country=DE`."),
    Field("label.draw", "double", "From 0 to 1, by the prediction's id: the least make a sample."),
)

WAITING_TABLE: Final = (
    Field("@timestamp", "date", "When the outcome was logged, UTC.", required=True),
    *_WHAT,
    *_LABEL,
    Field("waiting.status", "keyword", "`waiting`, `found` or `orphan`.", required=True),
    Field("waiting.since", "date", "When its prediction was first looked up."),
    Field("waiting.next", "date", "When it is looked up again."),
)

FINDING_TABLE: Final = (
    *_WINDOW,
    *_WHAT,
    *_SUBJECT,
    Field("finding.id", "keyword", "The finding, without its revision."),
    _SERIES,
    Field(
        "finding.content_digest", "keyword", "Digest of its content: equal where nothing is new."
    ),
    Field("finding.window", "keyword", "Length of the window."),
    Field("finding.value", "double", "The measure."),
    Field("finding.low", "double", "Lower end of the interval that holds it."),
    Field("finding.high", "double", "Upper end of that interval."),
    Field("finding.p_value", "double", "Probability of such a value without a change."),
    Field("finding.q_value", "double", "The same after false-discovery-rate control."),
    Field("finding.baseline.id", "keyword", "The baseline compared with."),
    Field("finding.baseline.value", "double", "The measure there."),
    Field("finding.sample.count", "long", "Documents measured."),
    Field("finding.sample.baseline_count", "long", "Documents of the baseline."),
    Field("finding.sample.completeness", "double", "Share of the logs that had arrived.", "ratio"),
    Field(
        "finding.sample.maturity",
        "double",
        "Share of the expected labels that were known; absent where nearly all were.",
        "ratio",
    ),
    Field("finding.limits.warning", "double", "Limit from which it warns."),
    Field("finding.limits.critical", "double", "Limit from which it is critical."),
    _SEVERITY,
    Field("finding.certain", "boolean", "Whether its window alone is enough for an alert."),
    Field("finding.onset.start", "date", "When what alarms began, where that is known better."),
    Field("finding.onset.end", "date", "End of the time in which it began."),
    Field("finding.lines_since", "date", "Since when lines show it, where before its onset."),
    Field("finding.reason", "match_only_text", "One sentence a person can act on."),
    Field("finding.runbook", "keyword", "Where to read what to do."),
    Field("finding.revision", "long", "Raised when late logs or labels change it."),
    Field("finding.latest", "boolean", "Whether no later revision exists."),
    Field("finding.superseded", "date", "When it ceased to be the latest, where it is not."),
)

ALERT_TABLE: Final = (
    Field("@timestamp", "date", "When it opened, grew worse or ended last, UTC.", required=True),
    Field("event.start", "date", "Begin of the first window in alarm."),
    Field("event.end", "date", "When it ended."),
    Field("event.created", "date", "When it was raised: the end of the window that sufficed."),
    *_WHAT,
    *_SUBJECT,
    _SERIES,
    _SEVERITY,
    Field("finding.reason", "match_only_text", "The sentence of the finding that made it so bad."),
    Field("finding.runbook", "keyword", "Where to read what to do."),
    Field("alert.id", "keyword", "The alert.", required=True),
    Field("alert.name", "keyword", "The rule that raised it."),
    Field("alert.status", "keyword", "`open`, `resolved`, or `withdrawn` by later knowledge."),
    Field("alert.ending", "keyword", "Why it ended: `calm`, `replaced` or `absence`."),
    Field("alert.layer", "keyword", "Its place in the chain of causes."),
    Field("alert.severity_since", "date", "Since when it is as severe as it is."),
    Field("alert.onset.start", "date", "When it began, as well as the data say."),
    Field("alert.onset.end", "date", "End of the time in which it began."),
    Field("alert.lines_since", "date", "Since when lines show it, where before its onset."),
    Field("alert.first_window.start", "date", "Begin of the first window that counted."),
    Field("alert.first_window.end", "date", "End of that window."),
    Field("alert.excess", "double", "How far beyond its limits: 0 at warning, 1 at critical."),
    Field("alert.worst_at", "date", "End of the window of its worst finding."),
    Field("alert.latest_reason", "match_only_text", "The sentence of its last finding in alarm."),
    Field("alert.opened_reason", "match_only_text", "The sentence with which it opened."),
    Field("alert.severity_reason", "match_only_text", "The sentence with which it grew worse."),
    Field("alert.findings", "long", "Findings in it that were in alarm."),
    Field("alert.last_alarm", "date", "End of the last window in alarm."),
    Field("alert.last_finding", "date", "End of the last window with a finding."),
    Field("alert.calm", "long", "Windows that were ok since."),
    Field("alert.expires", "date", "When it ends if only another version is judged."),
)

INCIDENT_TABLE: Final = (
    Field("@timestamp", "date", "When its state changed last, UTC.", required=True),
    Field("event.start", "date", "When it began, as far as the data show."),
    Field("event.created", "date", "When it was opened."),
    Field("event.end", "date", "When it ended."),
    Field("service.name", "keyword", "The service it is about."),
    Field("service.environment", "keyword", "The service's environment."),
    Field("ml.model.name", "keyword", "The model it is about."),
    Field("ml.model.version", "keyword", "The model's version."),
    Field("incident.id", "keyword", "The incident.", required=True),
    Field("incident.status", "keyword", "`open`, `resolved`, `withdrawn` or `merged`."),
    Field("incident.opened_by.service", "keyword", "Service of the alert that opened it."),
    Field("incident.opened_by.environment", "keyword", "That alert's environment."),
    Field("incident.opened_by.model", "keyword", "That alert's model."),
    Field("incident.title", "keyword", "What is wrong, by its likely cause."),
    Field("incident.summary", "match_only_text", "One sentence: what, since when, how bad."),
    Field("incident.severity", "keyword", "`warning` or `critical`: of its open alerts."),
    Field("incident.worst", "keyword", "The worst severity it has had."),
    Field("incident.first_window.start", "date", "Begin of the first window that showed it."),
    Field("incident.first_window.end", "date", "End of that window."),
    Field("incident.cause.worst_at", "date", "End of the window of the cause's worst finding."),
    Field("incident.cause.latest_at", "date", "End of the cause's last window in alarm."),
    Field("incident.onset_seconds", "long", "How precisely its start is known.", "s"),
    Field("incident.cause.alert_id", "keyword", "The alert that is its likely cause."),
    Field("incident.cause.reason", "match_only_text", "That alert's sentence at its worst."),
    Field("incident.cause.latest_reason", "match_only_text", "That alert's last sentence."),
    Field("incident.cause.ended", "date", "When that alert ended, while others may be open."),
    Field("incident.open.reason", "match_only_text", "Then the worst open alert's last sentence."),
    Field("incident.open.at", "date", "End of that sentence's window."),
    Field("incident.layer", "keyword", "Its likely cause's place in the chain of causes."),
    Field("incident.alerts", "long", "Alerts in it."),
    Field("incident.open_alerts", "long", "Of them, open."),
    Field("incident.alert_ids", "keyword", "Their ids."),
    Field("incident.affected", "keyword", "What alerts other than the likely cause are about."),
    Field("incident.analyzers", "keyword", "The analyzers that raised them."),
    Field("incident.runbook", "keyword", "What to do about the likely cause."),
    Field("incident.confirm", "keyword", "The command that shows the lines behind it."),
    Field("incident.muted", "keyword", "Why no message is sent: `acknowledged`, `snoozed`, …"),
    Field("incident.acknowledged_by", "keyword", "Who took it."),
    Field("incident.acknowledged_at", "date", "When."),
    Field("incident.assignee", "keyword", "Whose it is."),
    Field("incident.snoozed_until", "date", "Until when no message is sent."),
    Field("incident.feedback", "keyword", "`false_alarm`, `fixed` or `new_normal`."),
    Field("incident.detected_after_seconds", "long", "From its start to its opening.", "s"),
    Field("incident.acknowledged_after_seconds", "long", "From its opening on.", "s"),
)

INCIDENT_CHANGE_TABLE: Final = (
    Field("@timestamp", "date", "When it changed, in the data's time, UTC.", required=True),
    Field("event.ingested", "date", "When it became known."),
    Field("change.id", "keyword", "The change.", required=True),
    Field("change.kind", "keyword", "`opened`, `grew`, `resolved`, `acknowledged`, …"),
    Field("change.text", "match_only_text", "One sentence."),
    Field("change.by", "keyword", "Who did it; absent where data did."),
    Field("change.about", "keyword", "What it names: an alert, an assignee, a verdict."),
    Field("change.until", "date", "Until when a snooze lasts."),
    Field("change.generation", "long", "Equal changes before it, each undone by late data."),
    Field("change.published", "boolean", "Whether a message is sent for it."),
    Field("incident.id", "keyword", "The incident.", required=True),
    Field("incident.title", "keyword", "Its title at that time."),
    Field("incident.severity", "keyword", "Its severity after the change."),
    Field("service.name", "keyword", "The service it is about."),
    Field("ml.model.name", "keyword", "The model it is about."),
)

DELIVERY_TABLE: Final = (
    Field("@timestamp", "date", "When the message became due, UTC.", required=True),
    Field("delivery.route", "keyword", "The route it goes."),
    Field("delivery.status", "keyword", "`waiting`, `sent`, `refused` or `withheld`."),
    Field("delivery.held", "boolean", "Whether a maintenance window held it back."),
    Field("delivery.attempts", "long", "How often it was tried."),
    Field("delivery.next_attempt", "date", "When it is tried again."),
    Field("delivery.sent_at", "date", "When the channel took it."),
    Field("delivery.reason", "keyword", "Why the last attempt failed."),
    Field("change.id", "keyword", "The change it is about.", required=True),
    Field("change.kind", "keyword", "What happened."),
    Field("incident.id", "keyword", "The incident."),
)

NOTICE_TABLE: Final = (
    Field("@timestamp", "date", "When it was sent, UTC.", required=True),
    Field("incident.id", "keyword", "The incident."),
    Field("incident.status", "keyword", "`open` or `resolved`."),
    Field("incident.title", "keyword", "What is wrong; empty at its end."),
    Field("incident.summary", "match_only_text", "One sentence; empty at its end."),
    Field("notice.by", "keyword", "Who sent it: `kibana`."),
    Field("notice.link", "keyword", "Where to look."),
)

STATE_TABLE: Final = (
    Field("@timestamp", "date", "When it was written, UTC.", required=True),
    Field("lease.holder", "keyword", "Who runs the cycles."),
    Field("lease.until", "date", "Until when, unless renewed."),
    Field("cycle.judged", "date", "Windows that end up to here were judged."),
    Field("cycle.seen", "date", "Events ingested up to here were seen."),
    Field("cycle.swept", "date", "When all windows were last searched for new events."),
    Field("cycle.baselines", "keyword", "Digest of the baselines there were."),
    Field("service.name", "keyword", "The service whose checks are counted."),
    Field("service.environment", "keyword", "Where it runs."),
    Field("judged.checks", "long", "Series that have a verdict now."),
    Field("judged.unknown", "long", "Of them, those whose last finding is `unknown`."),
    Field("judged.last", "date", "When anything was judged last."),
)

DEAD_LETTERS: Final = (
    Field("@timestamp", "date", "When the line was refused, UTC.", required=True),
    Field("event.dataset", "keyword", "Names the data stream.", required=True),
    Field("event.id", "keyword", "The line's id, where it has one."),
    Field("error.type", "keyword", "Kind of refusal."),
    Field("error.message", "match_only_text", "The reason."),
    Field("log.file.path", "keyword", "File of the line."),
    Field("log.offset", "long", "Where in the file it begins.", "bytes"),
    Field("agent.id", "keyword", "The shipper."),
)

SHIPPING_TABLE: Final = (
    Field("@timestamp", "date", "When it was counted, UTC.", required=True),
    Field("event.dataset", "keyword", "Names the data stream.", required=True),
    Field("event.id", "keyword", "The shipper, its run, and the number of the event."),
    Field("agent.id", "keyword", "The shipper."),
    Field("log.file.path", "keyword", "The file; without it the event is about all of them."),
    Field("ingest.read", "long", "Lines read since the run began.", "lines"),
    Field("ingest.stored", "long", "Of them, stored.", "lines"),
    Field("ingest.duplicate", "long", "Of them, stored before.", "lines"),
    Field("ingest.refused", "long", "Of them, kept in the dead letters.", "lines"),
    Field("ingest.retried", "long", "How often a line was sent again.", "lines"),
    Field("ingest.lost.bytes", "long", "What disappeared before it was read.", "bytes"),
    Field("ingest.lag.bytes", "long", "What is there and not decided.", "bytes"),
    Field("ingest.lag.seconds", "double", "Age of the last decided line, while others wait.", "s"),
)

REFERENCE_TABLE: Final = (
    Field("@timestamp", "date", "When it was accepted, UTC.", required=True),
    Field("ml.model.name", "keyword", "The model."),
    Field("ml.model.version", "keyword", "The model's version."),
    Field("baseline.id", "keyword", "The baseline of which it moves a part."),
    Field("incident.id", "keyword", "The incident that was accepted."),
    Field("reference.id", "keyword", "The reference.", required=True),
    Field("reference.part", "keyword", "`feature`, `score`, `segment` or `metric`."),
    Field("reference.name", "keyword", "Which feature, segment or metric."),
    Field("reference.begin", "date", "The change point: since when it is counted."),
    Field("reference.end", "date", "Until when it is counted."),
    Field("reference.rows", "long", "Predictions or labels behind it.", "rows"),
    Field("reference.by", "keyword", "Who accepted it."),
    Field("reference.why", "match_only_text", "Why."),
    Field("reference.revoked", "date", "When it was revoked."),
    Field("reference.revoked_by", "keyword", "Who revoked it."),
)

UNMAPPED: Final = MappingProxyType(
    {
        "alert.withdrawn": "Whether later results withdrew it.",
        "baseline.body": "What was counted of the training set.",
        "baseline.part": "Number of a part of a body that is too large for one document.",
        "baseline.parts": "How many parts the body has.",
        "baseline.text": "The part.",
        "cycle.owed": "Analyzers that failed, with the moment from which they judge again.",
        "delivery.change": "The change that the message is composed from.",
        "finding.parts": "What each bucket or category contributes to the value.",
        "label.counted": "The outcome that counts, of several.",
        "label.counted_at": "When that one was logged.",
        "label.seen": "Ids of all outcomes of the prediction.",
        "profile.body": "What was counted.",
        "reference.body": "What was counted in place of the training set.",
        "profile.series": "The parts of its key: dataset, service, model and so on.",
    }
)
"""Fields that are stored and read with their documents, and never searched: without a mapping."""

TABLES: Final = MappingProxyType(
    {
        names.PROFILES: PROFILE_TABLE,
        names.BASELINES: BASELINE_TABLE,
        names.LABELS: LABEL_TABLE,
        names.WAITING: WAITING_TABLE,
        names.FINDINGS: FINDING_TABLE,
        names.ALERTS: ALERT_TABLE,
        names.INCIDENTS: INCIDENT_TABLE,
        names.INCIDENT_CHANGES: INCIDENT_CHANGE_TABLE,
        names.DELIVERIES: DELIVERY_TABLE,
        names.NOTICES: NOTICE_TABLE,
        names.REFERENCES: REFERENCE_TABLE,
        names.STATE: STATE_TABLE,
    }
)
"""Field table by the first part of the index name; the namespace follows."""

TABLES_VERSION: Final = 1
"""Version of these tables."""
