#!/bin/sh
# The cache: keys, memory, hit rate, evictions; any option of inferdeck widget may follow.
command -v "${INFERDECK:=inferdeck}" >/dev/null && exec "$INFERDECK" widget cache "$@"
curl -sf --max-time 1 "${INFERDECK_URL:-http://127.0.0.1:4633}/widgets/cache" || echo 'no daemon: run inferdeck up'
