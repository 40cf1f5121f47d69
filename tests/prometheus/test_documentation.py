"""What docs/prometheus.md and deploy/prometheus say works as it stands there."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mlmon.analyzers.checks import discover
from mlmon.prometheus.rules import rules_file

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs/prometheus.md").read_text(encoding="utf-8")


def test_a_script_leaves_its_metrics_in_a_file(tmp_path: Path) -> None:
    """The documented script writes the file, with the run that its log holds."""
    block = re.search(r"```python title=textfile\n(.*?)```", PAGE, re.DOTALL)
    assert block is not None
    (tmp_path / "metrics").mkdir()
    (tmp_path / "logs").mkdir()
    subprocess.run([sys.executable, "-c", block[1]], cwd=tmp_path, check=True)
    metrics = (tmp_path / "metrics/train.prom").read_text()
    assert 'ml_job_runs_total{job_name="train",outcome="success"} 1.0' in metrics
    assert 'ml_job_records_total{job_name="train"} 12000.0' in metrics
    assert 'ml_job_last_end_timestamp_seconds{job_name="train",outcome="success"}' in metrics
    assert (tmp_path / "logs/train.jsonl").read_text().count('"ml.job.records":12000') == 1


def test_the_page_explains_every_alert() -> None:
    """No alert is missing from the table, and the table names none that is gone."""
    declared = {
        rule["alert"]
        for group in rules_file(discover())["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    table = PAGE.partition("| alert | fires when |")[2].partition("\n\n")[0]
    named = set(re.findall(r"`([A-Z]\w+)`", table))
    assert named == declared


def test_the_configuration_is_one_that_prometheus_reads() -> None:
    """Prometheus's own check takes the file under deploy/, rules included."""
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed (Debian's prometheus has it)")
    path = ROOT / "deploy/prometheus/prometheus.yml"
    done = subprocess.run(
        ["promtool", "check", "config", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rules found" in done.stdout + done.stderr
