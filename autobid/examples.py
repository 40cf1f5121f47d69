"""Training examples: the features of a prediction joined with the outcome of its bid.

All approved predictions are bid on but only a share of the refused ones, so bids alone would show
the model's taste, not the market. Approved ones are thinned by that same share: every prediction
then had the same chance of becoming an example, and the training set is distributed as what the
service will see.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from mlmon.autobid.autobidder import EXPLORATION
from mlmon.autobid.encoding import FeatureRow
from mlmon.autobid.features import LOGGED
from mlmon.autobid.identifiers import share
from mlmon.autobid.opportunity import FeatureValue
from mlmon.autobid.prediction_service import ScoredBid

THINNING_DIGITS = slice(8, 16)
"""Digits of a prediction's id that decide whether an approved one becomes an example."""


class Example(NamedTuple):
    """Features in the order of `LOGGED`, when they were predicted from, and what came of it."""

    predicted_at: int
    values: tuple[FeatureValue, ...]
    label: bool


class Dataset(NamedTuple):
    """The examples that a model is trained on."""

    rows: Sequence[FeatureRow]
    labels: Sequence[bool]


@dataclass(slots=True)
class ExampleStore:
    """Keeps the features of bids until their outcome arrives, and the examples that result."""

    exploration: float = EXPLORATION
    _awaiting: dict[str, tuple[int, tuple[FeatureValue, ...]]] = field(default_factory=dict)
    _examples: list[Example] = field(default_factory=list)

    def bid_placed(self, prediction: ScoredBid, at: int) -> None:
        """Keep what was predicted from, if it is to become an example."""
        if prediction.approved and share(prediction.id, THINNING_DIGITS) >= self.exploration:
            return
        values = tuple(prediction.features.get(name) for name in LOGGED)
        self._awaiting[prediction.id] = (at, values)

    def outcome_known(self, prediction_id: str, *, succeeded: bool) -> None:
        """Make an example of a bid whose outcome has arrived."""
        kept = self._awaiting.pop(prediction_id, None)
        if kept is not None:
            self._examples.append(Example(*kept, succeeded))

    def extend(self, examples: Iterable[Example]) -> None:
        """Take in examples made elsewhere."""
        self._examples.extend(examples)

    def assemble(self, since: int) -> Dataset:
        """The examples predicted since a moment; older ones are forgotten."""
        self._examples = [example for example in self._examples if example.predicted_at >= since]
        return to_dataset(self._examples)


def to_dataset(examples: Sequence[Example]) -> Dataset:
    """Examples as rows and labels."""
    rows = [dict(zip(LOGGED, example.values, strict=True)) for example in examples]
    return Dataset(rows, [example.label for example in examples])
