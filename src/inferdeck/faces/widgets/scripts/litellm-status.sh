#!/bin/sh
# The gateway's process: uptime, CPU, memory, connections, configuration; any option of inferdeck widget may follow.
command -v "${INFERDECK:=inferdeck}" >/dev/null && exec "$INFERDECK" widget status "$@"
curl -sf --max-time 1 "${INFERDECK_URL:-http://127.0.0.1:4633}/widgets/status" || echo 'no daemon: run inferdeck up'
