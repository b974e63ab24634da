#!/bin/sh
# Scores and grades of providers; any option of inferdeck widget may follow.
command -v "${INFERDECK:=inferdeck}" >/dev/null && exec "$INFERDECK" widget score "$@"
curl -sf --max-time 1 "${INFERDECK_URL:-http://127.0.0.1:4633}/widgets/score" || echo 'no daemon: run inferdeck up'
