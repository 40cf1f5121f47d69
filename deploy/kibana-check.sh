#!/usr/bin/env bash
# Starts the stack of deploy/compose.yaml, brings everything into its Kibana, and opens each dashboard in a browser.
#
# NOT RUN where it was written: no container engine and no Kibana can run there. Tests check its syntax, its --help, the commands it
# calls, and its browser part (open_dashboards.py) against stand-in pages. It is written to be one job of somebody's CI.
#
# usage: deploy/kibana-check.sh [--out FOLDER] [--predictions N] [--keep]
#   --out FOLDER       where the pictures of the dashboards go [kibana-check]
#   --predictions N    how large the scenario is that is loaded [20000]
#   --keep             leave the stack running: Kibana at http://127.0.0.1:5601, the passwords where it says at the end
# needs: docker with compose v2, python 3.11 or newer, the ports 5601, 9093 and 9200 of loopback, 4 GB of memory
# exit:  0 every dashboard is drawn without an error and a second plan is empty; else what failed is said above
set -euo pipefail
cd "$(dirname "$0")/.."

out=kibana-check predictions=20000 keep=
while [ $# -gt 0 ]; do
  case "$1" in
    --out) out=$2; shift 2 ;;
    --predictions) predictions=$2; shift 2 ;;
    --keep) keep=yes; shift ;;
    -h | --help) sed -n '2,/^set -/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 0 ;;
    *) echo "unknown argument $1: see --help" >&2; exit 2 ;;
  esac
done
docker compose version >/dev/null 2>&1 || { echo "docker with compose v2 is needed: https://docs.docker.com/engine/install/" >&2; exit 1; }

mkdir -p "$out"
work=$(mktemp -d) # of this user alone: passwords, the scenario, mlmon's home
secret() { python3 -c 'import secrets; print(secrets.token_hex(24))'; }
ELASTIC_PASSWORD=$(secret)
cat >"$work/compose.env" <<END
ELASTIC_PASSWORD=$ELASTIC_PASSWORD
KIBANA_PASSWORD=$(secret)
MLMON_PASSWORD=$(secret)
KIBANA_ENCRYPTION_KEY=$(secret)
END
stack() { docker compose -p mlmon-check -f deploy/compose.yaml --env-file "$work/compose.env" "$@"; }
say() { printf '\n== %s\n' "$*"; }
finish() {
  code=$?
  [ "$code" -eq 0 ] || stack logs --no-color --tail 200 >"$out/stack.log" 2>&1 || true
  if [ -n "$keep" ]; then
    echo "the stack runs on; its passwords: $work/compose.env"
  else
    stack down --volumes >/dev/null 2>&1 || true
    rm -rf "$work"
  fi
  [ "$code" -eq 0 ] || echo "failed: the stack's last words are in $out/stack.log" >&2
}
trap finish EXIT

say "Python, its locked dependencies and Chromium"
make -s .venv/.ready
command -v chromium >/dev/null || command -v google-chrome >/dev/null || .venv/bin/python -m playwright install --with-deps chromium

say "Elasticsearch, mlmon setup, Kibana"
stack up --build --wait kibana

export MLMON_ELASTICSEARCH_URL=http://127.0.0.1:9200 MLMON_USERNAME=elastic MLMON_PASSWORD=$ELASTIC_PASSWORD
export MLMON_KIBANA_URL=http://127.0.0.1:5601 MLMON_KIBANA_USERNAME=elastic MLMON_KIBANA_PASSWORD=$ELASTIC_PASSWORD
export MLMON_HOME=$work/home
mlmon() { .venv/bin/mlmon "$@"; }

say "A scenario of 18 days: logs, training set, findings"
.venv/bin/python -m mlmon.autobid.scenario --end "$(date -u +%F)" --days 18 --seed 7 --predictions "$predictions" --out "$work/scenario"
mlmon setup
mlmon ship "$work/scenario/logs" --once
mlmon baseline create "$work/scenario/models"
mlmon analyze --since 18d

say "Dashboards, searches, data views and rules"
mlmon kibana lint
mlmon kibana apply
say "A second plan has to be empty"
mlmon kibana plan --exit-code

say "Each dashboard in Chromium"
.venv/bin/python deploy/open_dashboards.py --out "$out" --from now-19d
