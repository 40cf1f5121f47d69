# Each target does its own set-up: virtual environment, locked dependencies, Elasticsearch.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
READY := .venv/.ready

# Without it every command would compile its modules anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test test-long check generate format bench scoreboard torture alerting-replay screenshots lock clean

help: ## list these targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | awk -F'|' '{printf "  make %-16s %s\n", $$1, $$2}'

demo: $(READY) ## scenario, service, node, shipper, analyzers and report: the tour, about three minutes
	@$(BIN)/mlmon demo

test: $(READY) ## the tests but the long ones, against a real Elasticsearch: about five minutes
	@$(BIN)/python -m pytest -n 2 --no-loadscope-reorder -m "not long"

test-long: $(READY) ## the long tests: days of traffic, kills, other nodes, the report in a browser
	@$(BIN)/python -m pytest -n 2 --no-loadscope-reorder -m long

check: $(READY) ## ruff, mypy --strict, order of imports, dependencies, generated files
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/deptry .
	@$(BIN)/python -m pytest -q tests/test_layers.py
	@$(BIN)/python -m mlmon.generate --check

generate: $(READY) ## write the reference and analyzer pages, the exports for Kibana and Grafana, the rules for Prometheus
	@$(BIN)/python -m mlmon.generate

format: $(READY) ## rewrite the code as the formatter wants it
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(READY) ## the benchmarks, each a table of ratios measured in the same run
	@failed=; for b in tests/benchmarks/bench_*.py; do name=$$(basename $$b .py); echo "== $$name"; \
		$(BIN)/python -m tests.benchmarks.$$name || failed="$$failed $$name"; done; \
		test -z "$$failed" || { echo "failed, or missed a limit:$$failed" >&2; exit 1; }

scoreboard: $(READY) ## replay seeded faults and traps: found, delay, false incidents, peers' rules
	@$(BIN)/mlmon scoreboard

torture: $(READY) ## kill, rotate and break the shipper for a long time, then count
	@$(BIN)/python -m tests.support.torture

alerting-replay: $(READY) ## the demo's history through real receivers, and what a person received
	@$(BIN)/python -m tests.support.alerting_replay

screenshots: $(READY) ## pictures of every page, light, dark and telephone: after make demo, in the environment it prints
	@$(BIN)/python -m tests.support.screenshots --out screenshots --since 30d

lock: $(READY) ## write requirements.lock from pyproject.toml
	@$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --upgrade -q -o requirements.lock

clean: ## stop the demo's node; remove the demo, the environment and all caches of this folder
	@if [ -x $(BIN)/mlmon ]; then $(BIN)/mlmon demo --clean || true; fi
	@rm -rf .demo .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml requirements.lock
	@test -n "$(PYTHON)" || { echo "mlmon needs Python 3.11 or newer: install it, or say which one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "Setting up .venv (once) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { \
		echo "$(PYTHON) cannot make a virtual environment; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip sync --quiet --compile-bytecode --require-hashes requirements.lock
	@$(BIN)/uv pip install --quiet --no-deps -e .
	@touch $@
