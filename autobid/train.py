"""Train a first model, so that there is one to serve.

    python -m mlmon.autobid.train --models models --rows 12000

draws a history from the simulated marketplace, in which everything was bid on, trains on it and
writes the next version. Its name and evaluation are written to standard output as JSON.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np

from mlmon.autobid.clock import to_datetime
from mlmon.autobid.examples import to_dataset
from mlmon.autobid.history import draw_history
from mlmon.autobid.market import Population
from mlmon.autobid.model import train
from mlmon.autobid.model_store import ModelStore
from mlmon.autobid.traffic import SLOT

WINDOW = timedelta(days=4)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    rng, now = np.random.default_rng([options.seed, 4]), time.time_ns() // SLOT * SLOT
    examples = draw_history(
        rng, Population(options.seed), start=now, window=WINDOW, rows=options.rows
    )
    rows, labels = to_dataset(examples)
    try:
        training = train(rows, labels)
    except ValueError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    version = ModelStore(options.models).publish(training, rows, labels, to_datetime(now))
    report = {"version": version, "rows": len(labels), "metrics": training.metrics}
    sys.stdout.write(json.dumps(report) + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m mlmon.autobid.train", description="Train a model on a simulated history."
    )
    parser.add_argument("--models", type=Path, required=True, help="folder of model versions")
    parser.add_argument("--rows", type=int, default=12_000, help="requests in the history")
    parser.add_argument("--seed", type=int, default=7, help="start of all chance")
    return parser


if __name__ == "__main__":
    sys.exit(main())
