"""Pull a day of predictions into pandas and let Evidently and NannyML judge it (bench_analyzers).

Usage: python peers_verdict.py URL NAMESPACE TRAINING_SET, in an environment that has both.

Both are given the columns' types and use Kolmogorov-Smirnov and chi-squared, as mlmon does.
"""

import json
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pandas as pd

PAGE = 10_000
PREFIXES = ("ml.features.numeric.", "ml.features.categorical.")
SCORE = "ml.prediction.score"


def ask(url: str, method: str, body: Any = None) -> Any:
    """Send one request."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(  # noqa: S310 - the benchmark's own node
        url, data, {"content-type": "application/json"}, method=method
    )
    with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310 - likewise
        return json.loads(answer.read())


def pull(url: str, namespace: str) -> pd.DataFrame:
    """Page through the predictions, as a notebook does."""
    pit = ask(f"{url}/logs-ml.prediction-{namespace}/_pit?keep_alive=5m", "POST")["id"]
    rows: list[dict[str, Any]] = []
    body: dict[str, Any] = {
        "size": PAGE,
        "sort": ["_shard_doc"],
        "track_total_hits": False,
        "_source": ["ml.features.*", SCORE],
        "pit": {"id": pit, "keep_alive": "5m"},
    }
    while True:
        hits = ask(f"{url}/_search", "POST", body)["hits"]["hits"]
        rows += (hit["_source"] for hit in hits)
        if len(hits) < PAGE:
            break
        body["search_after"] = hits[-1]["sort"]
    frame = pd.DataFrame(rows)
    for prefix in PREFIXES:
        frame.columns = [name.removeprefix(prefix) for name in frame.columns]
    return frame


def evidently(current: pd.DataFrame, reference: pd.DataFrame) -> None:
    """Judge drift with Evidently."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    definition = DataDefinition(
        numerical_columns=[name for name in reference if not name.startswith("c")],
        categorical_columns=[name for name in reference if name.startswith("c")],
    )
    report = Report([DataDriftPreset(num_method="ks", cat_method="chisquare")])
    result = report.run(
        Dataset.from_pandas(current, definition), Dataset.from_pandas(reference, definition)
    )
    result.dict()


def nannyml(current: pd.DataFrame, reference: pd.DataFrame) -> None:
    """Judge drift with NannyML."""
    from nannyml import UnivariateDriftCalculator

    calculator = UnivariateDriftCalculator(
        column_names=list(reference),
        treat_as_categorical=[name for name in reference if name.startswith("c")],
        continuous_methods=["kolmogorov_smirnov"],
        categorical_methods=["chi2"],
        chunk_number=1,
    )
    calculator.fit(reference)
    calculator.calculate(current).to_df()


def main() -> None:
    """Print seconds of each as JSON; importing the libraries does not count."""
    import evidently as _evidently
    import nannyml as _nannyml

    assert _evidently, _nannyml
    url, namespace, path = sys.argv[1:]
    started = time.perf_counter()
    current = pull(url, namespace)
    output: dict[str, Any] = {"pulling": time.perf_counter() - started, "rows": len(current)}
    reference = pd.read_parquet(path)
    current = current[list(reference)]
    for name, judge in (("Evidently", evidently), ("NannyML", nannyml)):
        started = time.perf_counter()
        judge(current, reference)
        output[name] = time.perf_counter() - started
    (line,) = (
        line
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("VmHWM:")
    )
    sys.stdout.write(json.dumps(output | {"peak": int(line.split()[1]) / 1024}))


if __name__ == "__main__":
    main()
