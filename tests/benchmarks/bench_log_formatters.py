"""Compare what log formatters make of inputs that break them; with --write, in docs/logging.md.

Usage: python -m tests.benchmarks.bench_log_formatters [--write]
"""

import argparse
import sys
from importlib.metadata import version

from tests.support.generated_block import write_block
from tests.support.log_formatters import EMITTERS, INPUTS, result_of

TITLES = {
    "ours": "mlmon",
    "ecs stdlib": f"ecs-logging {version('ecs-logging')}",
    "ecs structlog": "ecs-logging, structlog",
    "python-json-logger": f"python-json-logger {version('python-json-logger')}",
    "structlog": f"structlog {version('structlog')}",
}


def table() -> str:
    """Return the comparison as a table in Markdown."""
    names = list(EMITTERS)
    rows = [
        f"| input | {' | '.join(TITLES[name] for name in names)} |",
        f"|---|{'---|' * len(names)}",
    ]
    for case in INPUTS:
        results = [result_of(name, case) for name in names]
        rows.append(f"| {case} | {' | '.join(results)} |")
    return "\n".join(rows)


def main() -> None:
    """Print the table, or write it into the documentation."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--write", action="store_true")
    if parser.parse_args().write:
        write_block("logging.md", "formatters", table())
    else:
        sys.stdout.write(f"{table()}\n")


if __name__ == "__main__":
    main()
