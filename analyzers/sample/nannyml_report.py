"""NannyML's view of a sample against its training set (https://github.com/NannyML/nannyml).

A second opinion on bounded data: drift of each feature over ten chunks in order of time and, where
the training set has scores and labels, the ROC AUC it estimates without the sample's labels (CBPE).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmon.analyzers.sample.comparison import LABEL, SCORE, SampleComparison
from mlmon.analyzers.sample.library import library
from mlmon.elastic.system.atomic_write import atomic_write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INSTALL = "Install it in an environment of its own: pip install 'mlmon[nannyml]'"
CHUNKS = 10
_DECISION = "decision"


def write_report(comparison: SampleComparison, out: Path) -> list[Path]:
    """Write NannyML's figures as one HTML page; return where.

    Raises:
        UserError: NannyML is not installed, or does not work with what is, or with the sample.
    """
    with library("NannyML", INSTALL):
        import nannyml

        nannyml.disable_usage_logging()
        figures = [
            figure.to_html(full_html=False, include_plotlyjs=index == 0)
            for index, figure in enumerate(_figures(nannyml, comparison))
        ]
    head = "<!doctype html><meta charset=utf-8><title>NannyML</title>"
    with atomic_write(out, hint="Choose another file with --out.") as part:
        part.write_text("\n".join([head, *figures]), encoding="utf-8")
    return [out]


def _figures(nannyml: Any, comparison: SampleComparison) -> Iterator[Any]:
    names = [*comparison.numeric, *comparison.categorical]
    drift = nannyml.UnivariateDriftCalculator(
        column_names=names,
        # Declared: otherwise NannyML guesses from the data which columns are categorical.
        treat_as_categorical=list(comparison.categorical),
        continuous_methods=["kolmogorov_smirnov"],
        categorical_methods=["l_infinity"],
        chunk_number=CHUNKS,
    )
    drift.fit(comparison.reference)
    yield drift.calculate(comparison.current).plot()
    if LABEL not in comparison.reference or SCORE not in comparison.reference:
        return
    threshold = 0.5 if comparison.threshold is None else comparison.threshold
    current, reference = (
        frame.assign(**{_DECISION: (frame[SCORE] >= threshold).astype(int)})
        for frame in (comparison.current, comparison.reference)
    )
    estimator = nannyml.CBPE(
        y_pred_proba=SCORE,
        y_pred=_DECISION,
        y_true=LABEL,
        problem_type="classification_binary",
        metrics=["roc_auc"],
        chunk_number=CHUNKS,
    )
    estimator.fit(reference.astype({LABEL: int}))
    yield estimator.estimate(current).plot()
