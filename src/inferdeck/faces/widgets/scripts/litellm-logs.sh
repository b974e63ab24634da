#!/bin/sh
# The newest lines of the logs, or what the command in LITELLM_LOG_SOURCE prints; any option of inferdeck widget may follow.
[ -z "${LITELLM_LOG_SOURCE:-}" ] || exec sh -c "$LITELLM_LOG_SOURCE"
command -v "${INFERDECK:=inferdeck}" >/dev/null && exec "$INFERDECK" widget logs "$@"
curl -sf --max-time 1 "${INFERDECK_URL:-http://127.0.0.1:4633}/widgets/logs" || echo 'no daemon: run inferdeck up'
