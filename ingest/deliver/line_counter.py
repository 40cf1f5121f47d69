"""Counts what became of the lines of a run, in total and per file."""

from mlmon.ingest.deliver.batch import Batch
from mlmon.ingest.deliver.delivery import DeliveryResult
from mlmon.ingest.files.source import Block
from mlmon.ingest.state.counts import LineCounts, RunCounts


class LineCounter:
    """The counts of one run.

    Attributes:
        total: Of all files.
        files: Of each file, by its path when the lines were decided.
    """

    def __init__(self) -> None:
        self.total = RunCounts()
        self.files: dict[str, LineCounts] = {}

    def of_file(self, path: str) -> LineCounts:
        """Return the counts of a file."""
        return self.files.setdefault(path, LineCounts())

    def count_read(self, block: Block, lines: int) -> None:
        """Count the lines of a block as read."""
        for counts in (self.total, self.of_file(block.source.path)):
            counts.read += lines
            counts.bytes += block.end - block.start

    def count_result(self, batch: Batch, result: DeliveryResult) -> None:
        """Count what became of a batch."""
        total = self.total
        total.stored += result.stored
        total.duplicate += len(result.duplicates)
        total.retried += result.retried
        for block, items in batch.counts():
            self.of_file(block.source.path).stored += items
        for index in result.duplicates:
            file = self.of_file(batch.source(index).path)
            file.stored -= 1
            file.duplicate += 1
        for letter in result.rejected:
            self.of_file(letter.path).stored -= 1
        for letter in (*result.rejected, *batch.rejected):
            self.of_file(letter.path).rejected += 1
            total.count_rejected(letter.reason)

    def keep_only(self, paths: set[str]) -> None:
        """Drop the counts of files that are no longer open."""
        for path in self.files.keys() - paths:
            del self.files[path]
