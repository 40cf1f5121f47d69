"""A seeded scenario: the whole service over weeks on a simulated clock, with known incidents.

The same seed, end, days and number of predictions give the same logs, byte for byte (models and
training sets are files of libraries and may differ in their packing).

    python -m mlmon.autobid.scenario --out demo --end 2026-11-22 --days 18 --seed 7

writes `demo/logs/{autobid-api,autobidder,scheduler,training}.jsonl`, `demo/models/<version>/`,
`demo/truth.json` (the incidents) and `demo/summary.json` (what was logged, counted in the files).
"""

import argparse
import signal
import sys
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress as BarProgress

from mlmon.autobid.clock import DAY_NS, to_nanoseconds
from mlmon.autobid.components import Components, start_components
from mlmon.autobid.examples import to_dataset
from mlmon.autobid.history import draw_history
from mlmon.autobid.incidents import PLAN_DAYS, IncidentPlan, plan_incidents
from mlmon.autobid.market import Population
from mlmon.autobid.operations import Operations
from mlmon.autobid.output_folder import OutputExistsError, output_folder
from mlmon.autobid.serving import Exchange
from mlmon.autobid.summary import SUMMARY_FILE, ScenarioResult, summarise
from mlmon.autobid.traffic import SLOT, draw_requests, expected_requests
from mlmon.autobid.truth import write_truth

HISTORY_DAYS = 4
Progress = Callable[[float], None]
"""Called after each simulated day with the share of the scenario that is done."""


@dataclass(frozen=True, slots=True)
class ScenarioSettings:
    """What a scenario is made from.

    Attributes:
        end: midnight UTC it ends at.
        days: how long it lasts; incidents are stretched or squeezed to it.
        seed: the start of all chance.
        predictions: at least so many predictions are made.
        incidents: the ids of the incidents to be had; None for all.
    """

    end: datetime
    days: int = PLAN_DAYS
    seed: int = 7
    predictions: int = 100_000
    incidents: tuple[str, ...] | None = None

    @property
    def start(self) -> datetime:
        """Start of the scenario."""
        return self.end - timedelta(days=self.days)

    @property
    def window(self) -> timedelta:
        """Age of the oldest examples a model is trained on."""
        return timedelta(days=HISTORY_DAYS) * (self.days / PLAN_DAYS)


def run_scenario(
    out: Path,
    settings: ScenarioSettings,
    *,
    replace: bool = False,
    progress: Progress | None = None,
) -> ScenarioResult:
    """Run a scenario into a folder that appears when everything is in it.

    Raises:
        OutputExistsError: the folder is there and may not be replaced.
    """
    plan = plan_incidents(settings.start, settings.days, settings.incidents)
    with output_folder(out, marker=SUMMARY_FILE, replace=replace) as folder:
        _simulate(folder, settings, plan, progress or _silent)
        write_truth(
            folder / "truth.json",
            seed=settings.seed,
            start=settings.start,
            end=settings.end,
            plan=plan,
        )
        return summarise(folder, seed=settings.seed, start=settings.start, end=settings.end)


def _simulate(
    folder: Path, settings: ScenarioSettings, plan: IncidentPlan, progress: Progress
) -> None:
    rng = np.random.default_rng([settings.seed, 0])
    population = Population(settings.seed)
    start = to_nanoseconds(settings.start)
    components = start_components(
        folder,
        seed=settings.seed,
        start=start,
        stats_source=population.statistics,
        window=settings.window,
    )
    try:
        _run_days(components, settings, plan, progress, population, rng)
    finally:
        # An open log would make its folder again where an interrupted run removes it.
        components.logs.close_all()


def _run_days(
    components: Components,
    settings: ScenarioSettings,
    plan: IncidentPlan,
    progress: Progress,
    population: Population,
    rng: np.random.Generator,
) -> None:
    start, end = to_nanoseconds(settings.start), to_nanoseconds(settings.end)
    _train_first_model(components, settings, population, rng)
    operations = Operations(components, plan, settings.start, settings.days, settings.seed)
    operations.reload(start)
    expected = expected_requests(start, end, plan, settings.predictions)
    exchange = Exchange(components)
    slots_a_day = DAY_NS // SLOT
    for day in range(settings.days):
        midnight = start + day * DAY_NS
        today = expected[day * slots_a_day : (day + 1) * slots_a_day]
        requests = draw_requests(rng, midnight, today, population, plan)
        first = 0
        for tick in range(midnight, midnight + DAY_NS, SLOT):
            last = bisect_left(requests.at, tick + SLOT, lo=first)
            operations.tick(tick)
            exchange.serve(requests, first, last, tick + SLOT)
            first = last
        progress((day + 1) / settings.days)


def _train_first_model(
    components: Components,
    settings: ScenarioSettings,
    population: Population,
    rng: np.random.Generator,
) -> None:
    """Publish version 1 from a history in which everything was bid on."""
    start = to_nanoseconds(settings.start)
    rows = int(settings.predictions * HISTORY_DAYS / PLAN_DAYS)
    examples = draw_history(rng, population, start=start, window=settings.window, rows=rows)
    store, pipeline = components.bidder.examples, components.backstage.pipeline
    kept = (rng.random(len(examples)) < store.exploration).tolist()
    store.extend(example for example, keep in zip(examples, kept, strict=True) if keep)
    pipeline.dataset = to_dataset(examples)
    pipeline.train_model()
    pipeline.refresh_profile_stats()


def _silent(_share: float) -> None:
    """Show nothing."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    settings = ScenarioSettings(options.end, options.days, options.seed, options.predictions)
    console = Console(stderr=True)
    try:
        with BarProgress(console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("simulating", total=1.0)
            result = run_scenario(
                options.out,
                settings,
                replace=options.replace,
                progress=lambda share: bar.update(task, completed=share),
            )
    except OutputExistsError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.write(result.to_json() + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m mlmon.autobid.scenario",
        description="Simulate the service over weeks, with incidents whose truth is written down.",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to be written")
    parser.add_argument(
        "--end", type=_midnight, required=True, help="last midnight, YYYY-MM-DD UTC"
    )
    parser.add_argument("--days", type=_positive, default=PLAN_DAYS, help="simulated days")
    parser.add_argument("--seed", type=int, default=7, help="start of all chance")
    parser.add_argument(
        "--predictions", type=_positive, default=100_000, help="predictions to be made at least"
    )
    parser.add_argument("--replace", action="store_true", help="replace an earlier scenario")
    return parser


def _midnight(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not a positive number")
    return number


def _stop(_signal: int, _frame: object) -> None:
    raise SystemExit(143)


if __name__ == "__main__":
    # As an exception, the signal lets the unfinished folder be removed.
    signal.signal(signal.SIGTERM, _stop)
    sys.exit(main())
