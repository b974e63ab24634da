#!/bin/sh
# A widget of your own: copy this file, and change what it shows. Runs in tmux, watch, inferdeck board and others.
. "$(dirname "$0")/common.sh"

echo "Custom Widget"
echo "━━━━━━━━━━━━━"
if check_litellm_health; then
  if requests=$(get_prometheus_metric 'sum(rate(llm_requests_total[5m])) * 60'); then
    format_with_gum "Requests: $(printf '%.0f' "$requests")/min"
  else
    format_with_gum "Requests: not known"
  fi
else
  echo "Gateway: no answer from $LITELLM_HOST"
fi
