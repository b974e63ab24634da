#!/bin/sh
# Requests, latency, errors and cache hits of the last minutes; any option of inferdeck widget may follow.
command -v "${INFERDECK:=inferdeck}" >/dev/null && exec "$INFERDECK" widget metrics "$@"
curl -sf --max-time 1 "${INFERDECK_URL:-http://127.0.0.1:4633}/widgets/metrics" || echo 'no daemon: run inferdeck up'
