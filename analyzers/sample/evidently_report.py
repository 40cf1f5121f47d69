"""Evidently's report of a sample against its training set (https://github.com/evidentlyai/evidently).

A second opinion on bounded data: data drift, a summary of each column and, where outcomes are
known, the quality of the classification.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from analyzers.sample.comparison import LABEL, SCORE, Comparison
from elastic.errors import UserError
from elastic.whole_file import whole_file

if TYPE_CHECKING:
    from pathlib import Path

INSTALL = "Install it in an environment of its own: pip install 'mlmon[evidently]'"


def write_report(comparison: Comparison, out: Path) -> None:
    """Write Evidently's HTML report.

    Raises:
        UserError: Evidently is not installed, or does not work with what is.
    """
    # Evidently warns of its own and its dependencies' deprecations; they are not this user's.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from evidently import BinaryClassification, DataDefinition, Dataset, Report
            from evidently.presets import ClassificationPreset, DataDriftPreset, DataSummaryPreset
        except ImportError as error:
            raise UserError(f"Evidently cannot be imported: {error}", INSTALL) from error
        scored = SCORE in comparison.reference
        definition: dict[str, Any] = {
            "numerical_columns": [*comparison.numeric, *([SCORE] if scored else [])],
            "categorical_columns": list(comparison.categorical),
        }
        presets = [DataDriftPreset(), DataSummaryPreset()]
        frames = [comparison.current.drop(columns="@timestamp"), comparison.reference]
        if LABEL not in comparison.reference:
            frames[0] = frames[0].drop(columns=LABEL)
        if comparison.labelled and scored:
            definition["classification"] = [
                BinaryClassification(target=LABEL, prediction_probas=SCORE)
            ]
            presets.append(ClassificationPreset())
            frames = [frame[frame[LABEL].notna()].astype({LABEL: int}) for frame in frames]
        known = DataDefinition(**definition)
        current, reference = (Dataset.from_pandas(frame, known) for frame in frames)
        with whole_file(out) as part:
            Report(presets).run(current, reference).save_html(str(part))
