"""The rules for Prometheus, evaluated by Prometheus's own `promtool`."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mlmon.analyzers.checks import discover
from mlmon.analyzers.settings import LimitRule
from mlmon.elastic.exit_codes import ExitCode
from mlmon.prometheus.rules import rules_file
from mlmon.prometheus.rules_text import rules_text
from tests.support.command_tree import exit_code

WEEK = 7 * 24 * 60
"""In minutes."""


@dataclass(frozen=True)
class History:
    """Series of one history.

    Args:
        series: Values of each series, in promtool's notation.
        minutes: When the alerts are looked at.
        interval: Minutes between samples.
    """

    series: dict[str, str]
    minutes: int
    interval: int = 1

    @property
    def evaluated(self) -> int:
        """Minutes between evaluations: a week's history is long."""
        return 30 if self.minutes > WEEK else 1


def promtool(*words: str) -> subprocess.CompletedProcess[str]:
    """Run promtool, or skip where it is not installed."""
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed (Debian's prometheus has it)")
    return subprocess.run(
        ["promtool", *words], capture_output=True, text=True, check=False, timeout=120
    )


def firing(folder: Path, history: History, alerts: list[str]) -> None:
    """Assert that exactly these alerts fire, each with one set of labels."""
    (folder / "rules.yml").write_text(rules_text(rules_file(discover())))
    samples = [
        {"labels": json.dumps({"alertname": alert}).replace('": "', '="').replace('{"', "{"),
         "value": 1}
        for alert in alerts
    ]  # fmt: skip
    test = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": f"{history.evaluated}m",
        "tests": [
            {
                "interval": f"{history.interval}m",
                "input_series": [
                    {"series": name, "values": values} for name, values in history.series.items()
                ],
                "promql_expr_test": [
                    {
                        "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                        "eval_time": f"{history.minutes}m",
                        "exp_samples": samples,
                    }
                ],
            }
        ],
    }
    (folder / "test.yml").write_text(json.dumps(test))
    done = promtool("test", "rules", str(folder / "test.yml"))
    assert done.returncode == 0, done.stdout + done.stderr


def requests(status: str, values: str) -> dict[str, str]:
    """Return the requests of one path by status."""
    return {f'http_requests_total{{job="api",handler="/predict",status="{status}"}}': values}


def latencies(fast: str, slow: str) -> dict[str, str]:
    """Return requests within 50 ms, and within 500 ms."""
    name = "http_request_duration_highr_seconds_bucket"
    return {
        f'{name}{{job="api",le="0.05"}}': fast,
        f'{name}{{job="api",le="0.5"}}': slow,
        f'{name}{{job="api",le="+Inf"}}': slow,
    }


def scores(low: str, all_of_them: str) -> dict[str, str]:
    """Return scores below 0.5, and below 1."""
    labels = 'job="api",model="m",version="1"'
    name = "ml_prediction_score"
    return {
        f'{name}_bucket{{{labels},le="0.5"}}': low,
        f'{name}_bucket{{{labels},le="1.0"}}': all_of_them,
        f'{name}_bucket{{{labels},le="+Inf"}}': all_of_them,
        f"{name}_count{{{labels}}}": all_of_them,
    }


def job_ends(failure: str, success: str, runs: str = "0+0x60") -> dict[str, str]:
    """Return when a job's runs ended, in seconds since the epoch, and its successful runs."""
    name = "ml_job_last_end_timestamp_seconds"
    found = {'ml_job_runs_total{job="s",job_name="train",outcome="success"}': runs}
    for outcome, values in (("failure", failure), ("success", success)):
        if values:
            found[f'{name}{{job="s",job_name="train",outcome="{outcome}"}}'] = values
    return found


FIRING = {
    "every request fails": (
        History(requests("5xx", "0+10x20"), 12),
        ["ServiceFailing", "ServiceErrorsWarning", "ServiceErrorsCritical"],
    ),
    "one in twenty requests fails": (
        History(requests("2xx", "0+95x20") | requests("5xx", "0+5x20"), 18),
        ["ServiceErrorsWarning"],
    ),
    "slower than a week ago": (
        History(
            latencies(f"0+200x{WEEK // 2} {100 * WEEK}+100x70", f"0+200x{WEEK // 2 + 70}"),
            WEEK + 120,
            interval=2,
        ),
        ["ServiceSlow"],
    ),
    "silence where there were requests a week ago": (
        History(requests("2xx", f"0+25x{WEEK // 5} {5 * WEEK}+0x30"), WEEK + 120, interval=5),
        ["ServiceSilent"],
    ),
    "scores moved": (
        History(scores(f"0+25x{WEEK // 5} {5 * WEEK}+5x30", f"0+50x{WEEK // 5 + 30}"),
                WEEK + 120, interval=5),
        ["ScoresShifted"],
    ),
    "a third of the predictions uses defaults": (
        History(
            {
                'ml_predictions_total{job="api",decision="approved"}': "0+30x90",
                'ml_fallbacks_total{job="api",source="statistics"}': "0+10x90",
            },
            80,
        ),
        ["FallbacksWarning", "FallbacksCritical"],
    ),
    "a run failed": (History(job_ends("600x60", "300x60"), 20), ["JobFailed"]),
    "no run ever succeeded": (History(job_ends("600x60", ""), 20), ["JobFailed"]),
    "an hourly job has not run for four hours": (
        History(
            job_ends("", f"0+300x{WEEK // 5} {60 * WEEK}+0x60",
                     f"0+0.0833333x{WEEK // 5} {WEEK // 60}+0x60"),
            WEEK + 270, interval=5,
        ),
        ["JobOverdue"],
    ),
    "the log drops events": (
        History({'ml_log_dropped_total{job="api"}': "0x5 5x20"}, 12), ["LogDropsEvents"],
    ),
    "cycles fail": (
        History(
            {
                'mlmon_cycles_total{job="mlmon",outcome="failure"}': "0+1x30",
                'mlmon_cycles_total{job="mlmon",outcome="success"}': "0x30",
            },
            20,
        ),
        ["MlmonDoesNotJudge"],
    ),
    "cycles ended": (
        History(
            {'mlmon_cycle_last_end_timestamp_seconds{job="mlmon",outcome="success"}': "60x60"}, 30
        ),
        ["MlmonDoesNotJudge"],
    ),
    "a message is not delivered": (
        History({'mlmon_waiting_messages{job="mlmon"}': "1x60"}, 30), ["MlmonMessagesWait"],
    ),
    "the shipper waits": (
        History({'mlmon_ingest_waiting{job="ship",instance="a"}': "1x60"}, 30), ["ShipperWaits"],
    ),
    "the shipper is behind": (
        History({'mlmon_ingest_lag_seconds{job="ship",instance="a",file="f"}': "0+60x60"}, 30),
        ["ShipperBehind"],
    ),
    "lines are rejected": (
        History(
            {'mlmon_ingest_lines_total{job="ship",instance="a",result="rejected"}': "0x5 3x20"}, 12
        ),
        ["ShipperRejectsLines"],
    ),
    "a file disappeared": (
        History({'mlmon_ingest_lost_bytes_total{job="ship",instance="a"}': "0x5 300x20"}, 12),
        ["ShipperLostBytes"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FIRING)
def test_what_is_wrong_raises_its_alerts_and_no_other(tmp_path: Path, name: str) -> None:
    """Each fault makes its own alerts fire, and only those."""
    history, alerts = FIRING[name]
    firing(tmp_path, history, alerts)


def test_every_alert_is_tried() -> None:
    """No alert is left out of the histories above."""
    declared = {
        rule["alert"]
        for group in rules_file(discover())["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    assert {alert for _, alerts in FIRING.values() for alert in alerts} == declared


CALM = {
    "one failure of few requests": History(
        requests("2xx", "0+1x40") | requests("5xx", "0x10 1x30"), 12
    ),
    "as slow as a week ago": History(
        latencies(f"0+100x{WEEK // 2 + 70}", f"0+200x{WEEK // 2 + 70}"), WEEK + 120, interval=2
    ),
    "a quiet hour every week": History(
        requests("2xx", f"0x20 0+25x{WEEK // 5 - 20} {5 * WEEK - 500}x30"), WEEK + 120, interval=5
    ),
    "few scores that happen to be high": History(
        scores(f"0+0.5x{WEEK // 5} {WEEK / 10:.1f}+0.3x30", f"0+1x{WEEK // 5 + 30}"),
        WEEK + 120, interval=5,
    ),
    "a run failed and the next succeeded": History(job_ends("300x60", "600x60"), 20),
    "cycles succeed, and one failed": History(
        {
            'mlmon_cycles_total{job="mlmon",outcome="failure"}': "0x5 1x40",
            'mlmon_cycles_total{job="mlmon",outcome="success"}': "0+1x40",
            'mlmon_cycle_last_end_timestamp_seconds{job="mlmon",outcome="success"}': "0+60x40",
            'mlmon_waiting_messages{job="mlmon"}': "0x10 1x3 0x30",
        },
        40,
    ),
    "the shipper works": History(
        {
            'mlmon_ingest_up{job="ship",instance="a"}': "1x60",
            'mlmon_ingest_waiting{job="ship",instance="a"}': "0x20 1x3 0x40",
            'mlmon_ingest_lines_total{job="ship",instance="a",result="stored"}': "0+100x60",
            'mlmon_ingest_lines_total{job="ship",instance="a",result="rejected"}': "0x60",
            'mlmon_ingest_lag_seconds{job="ship",instance="a",file="f"}': "1x60",
        },
        50,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CALM)
def test_what_is_usual_raises_nothing(tmp_path: Path, name: str) -> None:
    """Neighbours of the faults that are none: chance, a known rhythm, what is over."""
    firing(tmp_path, CALM[name], [])


def test_rules_are_as_prometheus_reads_them(tmp_path: Path) -> None:
    """Prometheus's own check finds no fault in the file that is written."""
    path = tmp_path / "mlmon.rules.yml"
    path.write_text(rules_text(rules_file(discover())))
    done = promtool("check", "rules", str(path))
    assert done.returncode == 0, done.stdout + done.stderr


def _expression(rules: dict[str, Any], alert: str) -> str:
    (found,) = [
        rule["expr"]
        for group in rules["groups"]
        for rule in group["rules"]
        if rule.get("alert") == alert
    ]
    return str(found)


def test_the_users_limits_hold_here_too() -> None:
    """A limit of mlmon.toml for everything changes the rule; one for a path does not."""
    general = LimitRule(analyzer="service_health", metric="http.5xx.rate", warning=0.07)
    narrow = LimitRule(analyzer="service_health", subject="/x", warning=0.09)
    rules = rules_file(discover(), [general, narrow])
    assert "> 0.07" in _expression(rules, "ServiceErrorsWarning")
    assert "0.09" not in rules_text(rules)


def test_runbooks_are_links_where_a_url_is_set() -> None:
    """The setting that messages use is put before the path of each runbook."""
    rules = rules_file(discover(), runbooks="https://docs.example/")
    links = [
        rule["annotations"]["runbook_url"]
        for group in rules["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]
    assert links
    assert all(link.startswith("https://docs.example/docs/") for link in links)


def test_runbooks_are_commands_where_no_url_is_set() -> None:
    """No link leads nowhere: each alert names a command that prints the page instead."""
    commands = set()
    for group in rules_file(discover())["groups"]:
        for rule in group["rules"]:
            if "alert" in rule:
                assert "runbook_url" not in rule["annotations"]
                commands.add(rule["annotations"]["runbook"])
    assert {"mlmon analyzers job_health", "mlmon docs ingest"} <= commands
    for command in commands:
        assert exit_code(*command.split()[1:]) == ExitCode.DONE
