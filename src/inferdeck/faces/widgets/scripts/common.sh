#!/bin/sh
# Functions for widgets of your own, for sh and bash: . "$(dirname "$0")/common.sh"
#
# LITELLM_HOST     where the gateway answers (http://localhost:4000)
# PROMETHEUS_HOST  any server with Prometheus' interface (http://127.0.0.1:4633, the daemon of inferdeck)
# PROMETHEUS_TOKEN its token, where it wants one
# All of them end within a second or two, whatever hangs; none needs more than curl, sed and awk.

: "${LITELLM_HOST:=http://localhost:4000}"
: "${PROMETHEUS_HOST:=http://127.0.0.1:4633}"

# check_litellm_health: 0 where the gateway says that it lives, 1 otherwise.
# It asks /health/liveliness, since /health calls every model and costs money.
check_litellm_health() {
  curl -sf --max-time 1 -o /dev/null "${LITELLM_HOST%/}/health/liveliness" || return 1
}

# get_prometheus_metric EXPR: prints the first value of a PromQL question; 1, and nothing printed, where there is none.
get_prometheus_metric() {
  get_prometheus_metric_value=$(
    # By way of curl's configuration, since everybody can read the words of a command.
    printf '%s' "${PROMETHEUS_TOKEN:+header = \"Authorization: Bearer $PROMETHEUS_TOKEN\"}" |
      curl -sf --max-time 2 -K - -G --data-urlencode "query=$1" "${PROMETHEUS_HOST%/}/api/v1/query" |
      awk '{ text = text $0 }
        # A quote inside a label has a backslash before it, so this cannot stand in one.
        END {
          if (match(text, /"value" *: *\[ *[0-9.eE+]+ *, *"[^"]*"/) ||
              match(text, /"result" *: *\[ *[0-9.eE+]+ *, *"[^"]*"/)) {
            found = substr(text, RSTART, RLENGTH - 1)
            sub(/.*"/, "", found)
            print found
          }
        }'
  )
  case $get_prometheus_metric_value in
    '' | NaN) return 1 ;;
  esac
  printf '%s\n' "$get_prometheus_metric_value"
}

# format_with_gum TEXT...: prints the lines, in a box by Gum where it is installed and a terminal looks on.
format_with_gum() {
  if [ -t 1 ] && command -v gum >/dev/null 2>&1; then
    gum style --border rounded --padding '0 1' -- "$@"
  else
    printf '%s\n' "$@"
  fi
}

# get_provider_latency PROVIDER [WINDOW]: prints the 95th percentile of its requests in milliseconds (of 5m).
get_provider_latency() {
  get_provider_latency_name=$(printf '%s' "$1" | sed 's/\\/\\\\/g; s/"/\\"/g')
  get_provider_latency_seconds=$(get_prometheus_metric "histogram_quantile(0.95, sum by (le) (rate(\
llm_request_duration_seconds_bucket{provider=\"$get_provider_latency_name\"}[${2:-5m}])))") || return 1
  case $get_provider_latency_seconds in
    *Inf) return 1 ;;
  esac
  awk -v seconds="$get_provider_latency_seconds" 'BEGIN { printf "%.0f\n", seconds * 1000 }'
}
