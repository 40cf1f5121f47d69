"""Compare what log formatters make of inputs that break them; with --write, in docs/logging.md.

Usage: python -m tests.benchmarks.bench_log_formatters [--write]
"""

import argparse
import re
import sys
from importlib.metadata import version
from pathlib import Path

from tests.support.log_formatters import EMITTERS, INPUTS, result_of

DOCS = Path(__file__).parents[2] / "docs" / "logging.md"
BEGIN, END = "<!-- formatters: begin -->", "<!-- formatters: end -->"
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
    if not parser.parse_args().write:
        sys.stdout.write(f"{table()}\n")
        return
    text = DOCS.read_text()
    block = f"{BEGIN}\n{table()}\n{END}"
    DOCS.write_text(re.sub(f"{BEGIN}.*?{END}", lambda _: block, text, flags=re.DOTALL))


if __name__ == "__main__":
    main()
