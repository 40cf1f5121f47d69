#!/usr/bin/env bash
# Sets the password of Kibana's own user and makes the user that ships and judges; run by compose.yaml.
set -euo pipefail
elastic() { # elastic METHOD PATH < BODY; the password goes by standard input, not by the command line
  curl -sf -K <(printf 'user = "elastic:%s"\n' "$ELASTIC_PASSWORD") -H 'Content-Type: application/json' \
    -X "$1" "http://elasticsearch:9200$2" --data-binary @- >/dev/null
}
printf '{"password":"%s"}' "$KIBANA_PASSWORD" | elastic POST /_security/user/kibana_system/_password
printf '{"password":"%s","roles":["mlmon_shipper","mlmon_analyzer"]}' "$MLMON_PASSWORD" |
  elastic PUT /_security/user/mlmon
