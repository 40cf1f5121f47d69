"""docs/drift-tests.md: the drift tests there are, made from their own files."""

from __future__ import annotations

import importlib
import inspect
from typing import TYPE_CHECKING

from mlmon.analyzers.drift.chosen_tests import ChosenTests
from mlmon.analyzers.drift.methods import drift_methods
from mlmon.analyzers.pages.sources import papers

if TYPE_CHECKING:
    from mlmon.analyzers.drift.method import DriftMethod

INTRODUCTION = """\
# Drift tests

`feature_drift` compares each feature's day with the training set by a drift test. By default it is
`kolmogorov_smirnov` for numbers and `total_variation` for categories. `mlmon.toml` chooses another
one for all features, or for one:

```toml
[analyzers.feature_drift]
test = "psi"

[analyzers.feature_drift.features.price]
test = "wasserstein"
```

A test for all features that does not compare a feature's type leaves that feature its default test.
`mlmon compare --test psi` judges by a test once.

Every test gives the distance with an interval that holds it: what the buckets of a profile leave
open, and the sampling error that is exceeded once in 1,000 times. A verdict is taken from the
conservative end. Where a day has fewer rows than find a drift of the critical limit nine times in
ten, or its distance lies above the limit within the sampling error, the days before are added (2,
3, 7, 14 days); where even they do not suffice, the feature is `unknown`.
"""

ADDING = """\
## Add a drift test

Write a file `analyzers/drift/methods/<name>.py` that ends in a `METHOD`, as `psi.py` does: it is
found by import. `tests/analyzers/drift/test_methods.py` checks its interval and its power. Then run
`make generate`.
"""


def drift_tests_page() -> str:
    """Return the page as Markdown."""
    methods = drift_methods().values()
    table = [
        "| test | features | metric | unit | warning | critical | default for |",
        7 * "|---" + "|",
        *(_row(method) for method in methods),
    ]
    sections = [f"## {method.name}\n\n{_described(method)}" for method in methods]
    return "\n".join([INTRODUCTION, *table, "", "\n\n".join([*sections, ADDING])])


def _row(method: DriftMethod) -> str:
    tests = ChosenTests()
    defaults = {"numbers": tests.numeric(), "categories": tests.categorical()}
    types = {"numeric": "numbers", "categorical": "categories"}
    features = " and ".join(types[name] for name in method.feature_types)
    default = " and ".join(name for name, other in defaults.items() if other is method)
    return (
        f"| `{method.name}` | {features} | `{method.metric}` | {method.unit or '-'} "
        f"| ≥ {method.limits.warning:g} | ≥ {method.limits.critical:g} | {default or '-'} |"
    )


def _described(method: DriftMethod) -> str:
    """Return a method's question and its papers."""
    name = f"mlmon.analyzers.drift.methods.{method.name}"
    text = inspect.getdoc(importlib.import_module(name)) or ""
    question = text.split("\n\n", 1)[0].split(": ", 1)[-1]
    return f"{question[0].upper()}{question[1:]}\n\nSource: {papers(name)}"
