"""Ship the same lines into the same node: mlmon, rsyslog, and the bound that the node sets.

Usage: python -m tests.benchmarks.bench_ingest [--lines 1000000] [--rounds 3] [--features 16]
       [--long 3000000] [--write]

With --write the results are written into docs/ingest.md, too; those of 16 and of 2 features have a
place of their own there. Contenders take turns, so that what else the machine does weighs on all
alike; the median of the rounds counts, behind rounds of the bound that warm the node (its compiler
needs some). The bound posts bulk bodies made beforehand. rsyslog (Debian: rsyslog,
rsyslog-elasticsearch) runs twice: with its queue in memory, which loses what it holds when it is
killed, and with its queue on disk, synced, whose promise can be compared with ours, there with a
tenth of the lines, since it is slow. Both create documents with `event.id` as id, as mlmon does.
All have as many requests under way at once, of about the same size. How far rsyslog has come is
asked without a refresh, which would slow it.
"""

import argparse
import http.client
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from elasticsearch import NotFoundError

from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.connect import connect
from mlmon.elastic.indices import templates
from mlmon.elastic.node import node
from mlmon.elastic.node.temporary_node import temporary_node
from mlmon.elastic.settings import Settings
from mlmon.ingest.encode.line import LineEncoder
from mlmon.ingest.pipeline import Flow
from mlmon.logging_config import Model, Service, open_log
from tests.support.generated_block import machine, markdown_table, write_block

URL = "MLMON_BENCH_ELASTICSEARCH_URL"
DATASET = "ml.prediction"
BODY_BYTES = Flow().batch_bytes
SENDERS = Flow().in_flight
PATIENCE_S = 600.0
FEATURES = 16
"""Features of a prediction, a quarter of them categories."""
HEAP = "2g"
WARM_UP = 3
BOUND, OURS = "bound: bodies made beforehand", "`mlmon ship`"
RSYSLOG, RSYSLOG_DISK = "rsyslog, queue in memory", "rsyslog, queue on disk, synced"


@dataclass(frozen=True, slots=True)
class Result:
    """What one contender did in one round.

    Attributes:
        seconds: From its start until the last document was stored.
        cpu_s: CPU time of its process; None for the bound.
        peak_mib: Its largest resident size; None for the bound.
        node_s: CPU time of the node meanwhile.
    """

    seconds: float
    cpu_s: float | None = None
    peak_mib: float | None = None
    node_s: float = 0.0


Contender = Callable[[Cluster, Path, int, str], Result]
Taken = tuple[int, Result]
"""How many lines, and what came of them."""


def main() -> None:
    """Print the results, and write them into the documentation."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--features", type=int, default=FEATURES, help="of a prediction")
    parser.add_argument("--long", type=int, default=0, help="lines of a last, long run of mlmon")
    parser.add_argument(
        "--apart", action="store_true", help="give the node one core and the shippers another"
    )
    parser.add_argument("--write", action="store_true", help="write them into docs/ingest.md")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="bench-ingest-") as name,
        cluster(separate=options.apart) as target,
    ):
        folder = Path(name)
        found = [compare(target, folder, options.lines, options.rounds, options.features)]
        found.append(latency(target, folder))
        if options.long:
            found.append(memory(target, folder, options.long))
    text = "\n\n".join([*found, f"Measured on {machine()}; the node's heap is {HEAP[0]} GB."])
    sys.stdout.write(f"{text}\n")
    if options.write:
        write_block("ingest.md", f"cost of {options.features} features", text)


def report(text: str) -> None:
    """Print how far the benchmark is."""
    sys.stderr.write(f"{text}\n")


@contextmanager
def cluster(*, separate: bool) -> Iterator[Cluster]:
    """The cluster to be loaded: the one in MLMON_BENCH_ELASTICSEARCH_URL, else a new node."""
    if URL in os.environ:
        with connect(Settings(elasticsearch_url=os.environ[URL])) as connected:
            list(templates.install(connected))
            yield connected
        return
    with temporary_node(9260, HEAP) as settings, connect(settings) as connected:
        running = node.find(settings)
        if separate and running is not None:
            part(running.pid)
        list(templates.install(connected))
        yield connected


def part(process: int) -> None:
    """Keep a process on the first core and this one, with all it starts, on the second."""
    for thread in Path(f"/proc/{process}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {0})
    os.sched_setaffinity(0, {1})
    report("the node on the first core, the shippers on the second")


def write_log(path: Path, lines: int, features: int = FEATURES) -> int:
    """Write predictions as the service logs them; return the size of a line."""
    categories = features // 4
    numbers = features - categories
    model = Model("autobid", "7")
    # Drawn again each time: a shipper knows content it has seen.
    entity = uuid.uuid4().hex[:16]
    with open_log(
        Service("autobid-api", "1.4.0", "production"), path=path, entity_id=entity
    ) as log:
        for number in range(lines):
            score = number % 997 / 997
            log.prediction(
                prediction_id=f"p-{number}",
                model=model,
                score=score,
                threshold=0.5,
                approved=score > 0.5,
                features={
                    **{f"price_{k:02}": number * (k + 7) % 9_973 / 7 for k in range(numbers)},
                    **{f"place_{k}": f"v{number * (k + 3) % 23}" for k in range(categories)},
                },
            )
    return path.stat().st_size // lines


def missing_packages() -> list[str]:
    """Return the Debian packages that rsyslog's rounds need and this machine lacks."""
    programs = [] if shutil.which("rsyslogd") else ["rsyslog"]
    module = any(Path("/usr/lib").glob("*/rsyslog/omelasticsearch.so"))
    return programs if module else [*programs, "rsyslog-elasticsearch"]


def compare(target: Cluster, folder: Path, lines: int, rounds: int, features: int) -> str:
    """Let the contenders take turns; return what they did."""
    contenders: dict[str, Contender] = {BOUND: bound, OURS: mlmon}
    if missing := missing_packages():
        report(f"rsyslog is left out; on Debian: apt-get install {' '.join(missing)}")
    else:
        contenders |= {RSYSLOG: rsyslog_memory, RSYSLOG_DISK: rsyslog_disk}
    log = folder / "log.jsonl"
    for _ in range(WARM_UP):
        one_round(target, log, write_again(log, lines, features), bound)
    size = log.stat().st_size // lines
    results: dict[str, list[Taken]] = {name: [] for name in contenders}
    for number in range(rounds):
        for name, run in contenders.items():
            count = lines // 10 if run is rsyslog_disk else lines
            taken = one_round(target, log, write_again(log, count, features), run)
            results[name].append(taken)
            report(f"round {number + 1}: {name}: {taken[1]}")
    of = f"{features} features, {size:,} bytes a line"
    title = f"Predictions with {of}, median of {rounds} rounds:"
    return "\n\n".join([title, comparison(results), conclusion(results)])


def write_again(log: Path, lines: int, features: int) -> int:
    """Write a log of new lines in place of the last one; return how many there are."""
    log.unlink(missing_ok=True)
    write_log(log, lines, features)
    return lines


def one_round(target: Cluster, log: Path, lines: int, run: Contender) -> Taken:
    """Let one contender ship lines written for it."""
    before = node_cpu_s(target)
    result = run(target, log, lines, f"bench_{uuid.uuid4().hex[:8]}")
    return lines, replace(result, node_s=node_cpu_s(target) - before)


def node_cpu_s(target: Cluster) -> float:
    """Return the CPU time the cluster's nodes have used."""
    spent = "nodes.*.process.cpu.total_in_millis"
    answer = target._client.nodes.stats(metric="process", filter_path=spent)
    nodes = answer["nodes"].values()
    return sum(int(node["process"]["cpu"]["total_in_millis"]) for node in nodes) / 1e3


def comparison(results: dict[str, list[Taken]]) -> str:
    """Return the medians and their ratios."""
    heading = ["", "lines", "docs/s", "of the bound"]
    heading += ["CPU µs/line", "the node's CPU µs/line", "peak MiB"]
    best = rate(results[BOUND])
    rows = []
    for name, rounds in results.items():
        lines, results_of = rounds[0][0], [result for _, result in rounds]
        node_cpu = statistics.median(r.node_s for r in results_of)
        peak = max(r.peak_mib or 0.0 for r in results_of)
        cpu = cpu_us(rounds)
        row = [name, f"{lines:,}", f"{rate(rounds):,.0f}", percent(rate(rounds) / best)]
        row += [f"{cpu:.1f}" if cpu else "", f"{node_cpu / lines * 1e6:.1f}"]
        rows.append([*row, f"{peak:.0f}" if peak else ""])
    return markdown_table(heading, rows)


def conclusion(results: dict[str, list[Taken]]) -> str:
    """Return the ratios that matter, as a sentence."""
    ours = results[OURS]
    text = f"`mlmon ship` reaches {percent(rate(ours) / rate(results[BOUND]))} of the bound"
    if RSYSLOG not in results:
        return f"{text}."
    peer = results[RSYSLOG]
    return (
        f"{text} and {rate(ours) / rate(peer):.2f} times the speed of rsyslog with its queue in "
        f"memory, for {cpu_us(ours) / cpu_us(peer):.2f} of its CPU."
    )


def percent(share: float) -> str:
    """Return a share as the documentation writes it."""
    return f"{100 * share:.0f} %"


def cpu_us(rounds: list[Taken]) -> float:
    """Return the CPU time a line costs its contender, in µs; 0 where it is not known."""
    return statistics.median((r.cpu_s or 0.0) / lines * 1e6 for lines, r in rounds)


def rate(rounds: list[Taken]) -> float:
    """Return the documents a second of a contender's median round."""
    return statistics.median(lines / result.seconds for lines, result in rounds)


def bound(target: Cluster, log: Path, lines: int, namespace: str) -> Result:
    """Post bodies made beforehand, each sender its share."""
    encoder = LineEncoder(namespace, [DATASET], 1, "bench", datetime.now(UTC))
    bodies, body, size = [], [], 0
    for line in log.read_bytes().splitlines():
        body.append(encoder.encode(line))
        size += len(body[-1])
        if size >= BODY_BYTES:
            bodies.append(b"".join(body))
            body, size = [], 0
    bodies.append(b"".join(body))
    parts = urlsplit(target.url)
    started = time.monotonic()

    def post(mine: list[bytes]) -> None:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        for body in mine:
            path = "/_bulk?filter_path=errors,items.*.status"
            connection.request("POST", path, body, {"content-type": "application/x-ndjson"})
            connection.getresponse().read()
        connection.close()

    with ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(post, [bodies[number::SENDERS] for number in range(SENDERS)]))
    seconds = time.monotonic() - started
    check(target, lines, namespace)
    return Result(seconds)


def mlmon(target: Cluster, log: Path, lines: int, namespace: str) -> Result:
    """Run `mlmon ship` to its end; its start counts."""
    state = log.parent / f"state-{namespace}"
    words = ["ship", str(log), "--namespace", namespace, "--state", str(state)]
    started = time.monotonic()
    process = start_mlmon(target, words)
    peak = 0.0
    while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        peak = peak_mib(process.pid) or peak
        time.sleep(0.02)
    seconds = time.monotonic() - started
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"mlmon ship failed: {status}")
    check(target, lines, namespace)
    return Result(seconds, usage.ru_utime + usage.ru_stime, peak)


def peak_mib(process: int) -> float:
    """Return a process's largest resident size so far; `ru_maxrss` would count its parent's too."""
    status = Path(f"/proc/{process}/status").read_text()
    sizes = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(sizes[0]) / 1024 if sizes else 0.0


def start_mlmon(target: Cluster, words: list[str]) -> subprocess.Popen[bytes]:
    """Start a command of mlmon against the cluster."""
    environment = {**os.environ, "MLMON_ELASTICSEARCH_URL": target.url}
    command = [sys.executable, "-m", "mlmon", *words]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)


def rsyslog_memory(target: Cluster, log: Path, lines: int, namespace: str) -> Result:
    """Run rsyslog with its queue in memory."""
    return rsyslog(target, log, lines, namespace, 'queue.type="LinkedList"')


def rsyslog_disk(target: Cluster, log: Path, lines: int, namespace: str) -> Result:
    """Run rsyslog with its queue on disk, synced."""
    queue = 'queue.type="Disk" queue.filename="ship" queue.syncQueueFiles="on"'
    return rsyslog(target, log, lines, namespace, f'{queue} queue.checkpointInterval="100"')


def rsyslog(target: Cluster, log: Path, lines: int, namespace: str, queue: str) -> Result:
    """Run rsyslog until the last document is stored."""
    folder = Path(tempfile.mkdtemp(prefix="rsyslog-", dir=log.parent))
    (folder / "spool").mkdir()
    configuration = folder / "rsyslog.conf"
    configuration.write_text(rsyslog_configuration(target.url, log, namespace, folder, queue))
    command = ["rsyslogd", "-n", "-f", str(configuration), "-i", str(folder / "pid")]
    started = time.monotonic()
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        wait_for(target, lines, namespace)
        seconds = time.monotonic() - started
        peak = peak_mib(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        _, _, usage = os.wait4(process.pid, 0)
    check(target, lines, namespace)
    return Result(seconds, usage.ru_utime + usage.ru_stime, peak)


def rsyslog_configuration(
    url: str, log: Path, namespace: str, folder: Path, queue: str, request_bytes: int = 2 << 20
) -> str:
    """Return a configuration that creates documents by their own ids and retries what is busy."""
    parts = urlsplit(url)
    return f"""
global(workDirectory="{folder}/spool" maxMessageSize="1m")
module(load="imfile" mode="inotify")
module(load="mmjsonparse")
module(load="omelasticsearch")
template(name="doc" type="string" string="%$.doc%")
template(name="docid" type="string" string="%$.id%")
template(name="answered" type="string" string="%$!all-json%")
input(type="imfile" file="{log}" tag="log" ruleset="ship" persistStateInterval="1000")
ruleset(name="ship" {queue} queue.size="100000" queue.dequeueBatchSize="2000"
        queue.workerThreads="{SENDERS}" queue.timeoutEnqueue="600000" queue.saveOnShutdown="on") {{
  set $.doc = $msg;
  action(type="mmjsonparse" cookie="")
  set $.id = $!event.id;
  call to_es
}}
ruleset(name="to_es") {{
  if strlen($.omes!_id) > 0 then {{
    if $.omes!status == 200 or $.omes!status == 201 or $.omes!status == 409 then stop
    set $.id = $.omes!_id;
    set $.doc = exec_template("answered");
  }}
  action(type="omelasticsearch" server="{parts.hostname}" serverport="{parts.port}"
         searchIndex="logs-{DATASET}-{namespace}" searchType="" template="doc" bulkmode="on"
         maxbytes="{request_bytes}"
         writeoperation="create" bulkid="docid" dynbulkid="on" retryfailures="on"
         retryruleset="to_es" errorfile="{folder}/errors.json"
         action.resumeRetryCount="-1" action.resumeInterval="1")
}}
"""


def wait_for(target: Cluster, lines: int, namespace: str) -> None:
    """Wait until a data stream has taken so many documents."""
    deadline = time.monotonic() + PATIENCE_S
    while (found := taken(target, namespace)) < lines:
        if time.monotonic() > deadline:
            raise SystemExit(f"{found} of {lines} documents after {PATIENCE_S:.0f} s")
        time.sleep(0.1)


def taken(target: Cluster, namespace: str) -> int:
    """Return how many documents a namespace has taken, without the cost of a refresh."""
    total = "_all.primaries.indexing.index_total"
    stream = f"logs-{DATASET}-{namespace}"
    try:
        answer = target._client.indices.stats(index=stream, metric="indexing", filter_path=total)
    except NotFoundError:  # there is no such stream yet
        return 0
    return int(answer["_all"]["primaries"]["indexing"]["index_total"]) if answer else 0


def stored(target: Cluster, namespace: str) -> int:
    """Return how many documents of a namespace can be found."""
    target.refresh(f"logs-{DATASET}-{namespace}")
    return target.count(f"logs-{DATASET}-{namespace}")


def check(target: Cluster, lines: int, namespace: str) -> None:
    """See that every line is there."""
    found = stored(target, namespace)
    if found != lines:
        raise SystemExit(f"{found} documents for {lines} lines")


def latency(target: Cluster, folder: Path) -> str:
    """Return how long after its writing a line is found by a search."""
    log, namespace = folder / "tail.jsonl", f"bench_{uuid.uuid4().hex[:8]}"
    write_log(log, 1_000)
    words = ["ship", str(log), "--follow", "--namespace", namespace]
    process = start_mlmon(target, [*words, "--state", str(folder / "state-tail")])
    try:
        wait_for(target, 1_000, namespace)
        delays = [delay_of_one(target, log, namespace, number) for number in range(20)]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
    middle, worst = statistics.median(delays), max(delays)
    return (
        f"At the tail a line is found by a search {middle:.2f} s after it was written (median; "
        f"worst of 20 {worst:.2f} s)."
    )


def delay_of_one(target: Cluster, log: Path, namespace: str, number: int) -> float:
    """Write one line and search until it is found."""
    line = json.loads(log.open().readline()) | {"event.id": f"tail-{number}"}
    with log.open("a") as file:
        file.write(json.dumps(line) + "\n")
    written = time.monotonic()
    query = {"term": {"event.id": line["event.id"]}}
    while not target.count(f"logs-{DATASET}-{namespace}", query):
        time.sleep(0.01)
    return time.monotonic() - written


def memory(target: Cluster, folder: Path, lines: int) -> str:
    """Return the largest resident size of a short and a long run."""
    peaks = []
    for count in (100_000, lines):
        log = folder / "long.jsonl"
        write_again(log, count, FEATURES)
        result = mlmon(target, log, count, f"bench_{uuid.uuid4().hex[:8]}")
        peaks.append(f"{result.peak_mib:.0f} MiB for {count:,} lines")
    return f"Largest resident size: {', '.join(peaks)}."


if __name__ == "__main__":
    main()
