"""Counts what became of the lines, in all and of each file."""

from mlmon.ingest.deliver.batch import Batch
from mlmon.ingest.deliver.delivery import Outcome
from mlmon.ingest.files.source import Block
from mlmon.ingest.state.account import Account, Tally


class Ledger:
    """The counts of one run.

    Attributes:
        account: Of all files.
        files: Of each file, by its path when the lines were decided.
    """

    def __init__(self) -> None:
        self.account = Account()
        self.files: dict[str, Tally] = {}

    def tally(self, path: str) -> Tally:
        """Return the counts of a file."""
        return self.files.setdefault(path, Tally())

    def take(self, block: Block, lines: int) -> None:
        """Count what was read: so many lines of a block."""
        for tally in (self.account, self.tally(block.source.path)):
            tally.read += lines
            tally.bytes += block.end - block.start

    def decide(self, batch: Batch, outcome: Outcome) -> None:
        """Count what became of a batch."""
        account = self.account
        account.stored += outcome.stored
        account.duplicate += len(outcome.duplicates)
        account.retried += outcome.retried
        for block, items in batch.counts():
            self.tally(block.source.path).stored += items
        for index in outcome.duplicates:
            file = self.tally(batch.source(index).path)
            file.stored -= 1
            file.duplicate += 1
        for letter in outcome.refused:
            self.tally(letter.path).stored -= 1
        for letter in (*outcome.refused, *batch.refused):
            self.tally(letter.path).refused += 1
            account.refuse(letter.reason)

    def forget(self, paths: set[str]) -> None:
        """Forget the files that are open no more, all but these."""
        for path in self.files.keys() - paths:
            del self.files[path]
