#!/bin/sh
# Which services answer, and how fast; any option of inferdeck widget may follow.
command -v "${INFERDECK:=inferdeck}" >/dev/null && exec "$INFERDECK" widget health "$@"
curl -sf --max-time 1 "${INFERDECK_URL:-http://127.0.0.1:4633}/widgets/health" || echo 'no daemon: run inferdeck up'
