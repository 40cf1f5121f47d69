"""Serve the API over HTTP on loopback.

    python -m mlmon.autobid.serve --port 0 --models models --logs logs

writes one line of JSON to standard output when it listens, `{"url": …, "pid": …, "model": …}`, and
logs to `<logs>/autobid-api.jsonl` and `<logs>/scheduler.jsonl` until SIGTERM or Ctrl-C. Profiles'
statistics come from the simulated marketplace and are refreshed every hour.
"""

import argparse
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import uvicorn
from prometheus_client import CollectorRegistry

from mlmon.autobid.api import create_app
from mlmon.autobid.clock import to_datetime
from mlmon.autobid.components import API, SCHEDULER, SERVICE_ENVIRONMENT, SERVICE_VERSIONS
from mlmon.autobid.jobs import REFRESH_STATS, JobRunner
from mlmon.autobid.market import Population
from mlmon.autobid.model_store import ModelNotFoundError, ModelStore
from mlmon.autobid.prediction_service import PredictionService
from mlmon.autobid.profile_stats import StatsStore
from mlmon.autobid.scheduler import ClockedScheduler
from mlmon.logging_config import EventLog, Service, configure, open_log
from mlmon.logging_config.prometheus import Metrics

LOOPBACK = "127.0.0.1"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    listener = _listen(options.port)
    registry, stats = CollectorRegistry(), StatsStore()
    counted = (Metrics(registry),)
    log = configure(_service(API), options.logs / f"{API}.jsonl", observers=counted)
    service = PredictionService(ModelStore(options.models), stats, log)
    jobs_log = open_log(
        _service(SCHEDULER), path=options.logs / f"{SCHEDULER}.jsonl", observers=counted
    )
    _start_scheduler(jobs_log, stats, Population(options.seed))
    if not options.cold:
        _load_if_there(service)
    _announce(listener, service)
    app = create_app(service, registry=registry)
    # The log's own handlers are in place; uvicorn must not bring others.
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
    uvicorn.Server(config).run(sockets=[listener])
    log.close()
    return 0


def _start_scheduler(log: EventLog, stats: StatsStore, population: Population) -> None:
    runner, scheduler = JobRunner(log, time.time_ns), ClockedScheduler(time.time_ns)

    def refresh() -> bool:
        now = to_datetime(time.time_ns())
        return runner.run(REFRESH_STATS, lambda: stats.refresh(population.statistics(now)))

    refresh()
    scheduler.every(1).hours.do(refresh)
    threading.Thread(target=_run_due, args=(scheduler,), name="scheduler", daemon=True).start()


def _run_due(scheduler: ClockedScheduler) -> None:
    while True:
        scheduler.run_pending()
        time.sleep(1.0)


def _load_if_there(service: PredictionService) -> None:
    try:
        service.reload()
    except ModelNotFoundError as error:
        sys.stderr.write(f"no model is loaded: {error}\n")


def _listen(port: int) -> socket.socket:
    # With the protocol named, asyncio turns Nagle's algorithm off, which costs 40 ms an answer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
    except OSError as error:
        listener.close()
        sys.stderr.write(f"error: port {port} cannot be used: {error.strerror}\n")
        raise SystemExit(1) from None
    listener.listen(128)
    return listener


def _announce(listener: socket.socket, service: PredictionService) -> None:
    host, port = listener.getsockname()
    model = service.model.version if service.model else None
    line = json.dumps({"url": f"http://{host}:{port}", "pid": os.getpid(), "model": model})
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _service(component: str) -> Service:
    return Service(component, version=SERVICE_VERSIONS[component], environment=SERVICE_ENVIRONMENT)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m mlmon.autobid.serve", description="Serve predictions over HTTP on loopback."
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--models", type=Path, required=True, help="folder of model versions")
    parser.add_argument("--logs", type=Path, required=True, help="folder to log to")
    parser.add_argument("--seed", type=int, default=7, help="which profiles there are")
    parser.add_argument("--cold", action="store_true", help="load no model until asked to")
    return parser


if __name__ == "__main__":
    sys.exit(main())
