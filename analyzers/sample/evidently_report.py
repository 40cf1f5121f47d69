"""Evidently's report of a sample against its training set (https://github.com/evidentlyai/evidently).

A second opinion on bounded data: data drift, a summary of each column and, where outcomes are
known, the quality of the classification.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmon.analyzers.sample.comparison import LABEL, SCORE, SampleComparison
from mlmon.analyzers.sample.library import library
from mlmon.elastic.system.atomic_write import atomic_write

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd

INSTALL = "Install it in an environment of its own: pip install 'mlmon[evidently]'"


def write_report(comparison: SampleComparison, out: Path) -> list[Path]:
    """Write Evidently's HTML reports, of drift and of performance; return where.

    Drift is that of the whole sample. Performance is known of rows with an outcome only, and
    those are chosen by their scores: it is a report of its own, where there are enough of them.

    Raises:
        UserError: Evidently is not installed, or does not work with what is, or with the sample.
    """
    with library("Evidently", INSTALL):
        from evidently import BinaryClassification, DataDefinition, Dataset, Report
        from evidently.presets import ClassificationPreset, DataDriftPreset, DataSummaryPreset

        scores = [SCORE] if SCORE in comparison.reference else []
        columns: dict[str, Any] = {
            "numerical_columns": [*comparison.numeric, *scores],
            "categorical_columns": list(comparison.categorical),
        }
        frames = [comparison.current, comparison.reference]

        def write(presets: list[Any], rows: Sequence[pd.DataFrame], to: Path, **more: Any) -> Path:
            known = DataDefinition(**columns, **more)
            current, reference = (Dataset.from_pandas(row, known) for row in rows)
            with atomic_write(to, hint="Choose another file with --out.") as part:
                Report(presets).run(current, reference).save_html(str(part))
            return to

        used = [*columns["numerical_columns"], *comparison.categorical]
        drift = [frame[used] for frame in frames]
        written = [write([DataDriftPreset(), DataSummaryPreset()], drift, out)]
        if comparison.labeled:
            labeled = [
                frame.loc[frame[LABEL].notna(), [*used, LABEL]].astype({LABEL: int})
                for frame in frames
            ]
            classes = [BinaryClassification(target=LABEL, prediction_probas=SCORE)]
            second = out.with_stem(f"{out.stem}-performance")
            presets = [ClassificationPreset()]
            written.append(write(presets, labeled, second, classification=classes))
        return written
