#!/usr/bin/env bash
# Sends requests through Weir, then proves where their Records arrived: the mission's six queries are asked of the journal, of Weir's
# own query API and of Loki, as far as each is there, and must be answered alike. See --help.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
  cat <<'HELP'
usage: scripts/test-llm-analytics.sh [options]

  --url URL          where callers connect      (default: http://127.0.0.1:4000/v1)
  --admin URL        where operators connect    (default: http://127.0.0.1:4001)
  --loki URL         a Loki that has the lines  (default: LOKI_ADDR, else http://127.0.0.1:3100 if it answers)
  --data-dir DIR     Weir's directory           (default: what is found of .tools/local/data, weir-demo, weir-data)
  --pod POD          read the journal of this pod in place of a directory, as weir-0 in the namespace llm
  --requests NUMBER  how many                   (default: 40)
  --api-key KEY      sent as authorization: Bearer; with a real provider these requests cost money
  --help             this

Where Weir wants a token for questions: WEIR_TOKEN, else compose's own, else that of the secret weir-token in a cluster.
Needs curl, and the binary weir (WEIR_BIN, PATH, or target/). Works against `make run`, or after scripts/setup-llm-analytics.sh, in
less than a minute. It ends with 0 where every answer is the same and no Record is missing.
HELP
}

url=http://127.0.0.1:4000/v1 admin=http://127.0.0.1:4001 loki=${LOKI_ADDR:-} data_dir='' pod='' requests=40 api_key=''
while [ $# -gt 0 ]; do
  case $1 in
    --url) url=${2:?} ;;
    --admin) admin=${2:?} ;;
    --loki) loki=${2:?} ;;
    --data-dir) data_dir=${2:?} ;;
    --pod) pod=${2:?} ;;
    --requests) requests=${2:?} ;;
    --api-key) api_key=${2:?} ;;
    --help | -h) usage; exit 0 ;;
    *) echo "$0: unknown option $1" >&2; usage >&2; exit 2 ;;
  esac
  shift 2
done

say() { printf '\n== %s\n' "$*"; }
die() { echo "$0: $*" >&2; exit 1; }

command -v curl >/dev/null || die "curl is missing: install it"

find_weir() {
  local found target=${CARGO_TARGET_DIR:-$root/target}
  for found in "${WEIR_BIN:-}" "$(command -v weir || true)" "$target/release/weir" "$target/fast/weir" "$target/debug/weir"; do
    if [ -n "$found" ] && [ -x "$found" ]; then
      echo "$found"
      return
    fi
  done
  return 1
}
weir=$(find_weir) || die "the binary weir is missing: cargo build --release, or name it with WEIR_BIN"

answers() { curl -sf --max-time 3 --output /dev/null "$1"; }

# operators SECONDS PATH ARGUMENTS…: asks Weir. The token stands in a file, so that no list of processes has it.
operators() { curl -sf --max-time "$1" --config "$scratch/login" "$admin$2" "${@:3}"; }
metric() { operators 5 /metrics | sed -n "s/^$1 //p"; }
is_let_in() { operators 3 /loki/api/v1/status/buildinfo --output /dev/null; }

# tokens: those that may be the one, an empty one first where none is needed.
tokens() {
  printf '%s\n' "${WEIR_TOKEN:-}" weir-on-this-machine
  ! command -v kubectl >/dev/null ||
    kubectl get secret weir-token -n observability --request-timeout=3s -o 'jsonpath={.data.WEIR_TOKEN}' 2>/dev/null | base64 -d || true
}

log_in() {
  local token
  while read -r token; do
    [ -z "$token" ] && : >"$scratch/login" || printf 'header = "authorization: Bearer %s"\n' "$token" >"$scratch/login"
    ! is_let_in || return 0
  done < <(tokens && echo)
  : >"$scratch/login"
  return 1
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

answers "$admin/healthz" || die "no Weir answers at $admin: start one with \`make run\` or scripts/setup-llm-analytics.sh, or in a cluster
  kubectl port-forward -n llm svc/llm-proxy 4000 4001"

# --- where Records may have arrived

find_data_dir() {
  local dir
  for dir in "$root/.tools/local/data" "$root/weir-demo" "$root/weir-data" weir-demo weir-data; do
    # The one that a Weir writes to: its lock is held.
    if [ -f "$dir/lock" ] && ! flock --nonblock --shared "$dir/lock" true 2>/dev/null; then
      echo "$dir"
      return
    fi
  done
}
[ -n "$data_dir" ] || [ -n "$pod" ] || data_dir=$(find_data_dir)
if [ -z "$loki" ] && answers http://127.0.0.1:3100/loki/api/v1/status/buildinfo; then loki=http://127.0.0.1:3100; fi

places=()
[ -z "$data_dir$pod" ] || places+=(journal)
if log_in; then
  places+=(weir)
elif curl -s --max-time 3 --output /dev/null --write-out '%{http_code}' "$admin/loki/api/v1/status/buildinfo" | grep -q '^40[13]$'; then
  echo "Weir wants a token for questions, which are left out: set WEIR_TOKEN" >&2
fi
[ -z "$loki" ] || places+=(loki)
[ ${#places[@]} -gt 0 ] || die "there is no place to look for Records: name Weir's directory with --data-dir, a pod with --pod, or --loki"

# --- traffic

traffic() {
  local more=()
  [ -z "$api_key" ] || more=(--api-key "$api_key")
  "$weir" simulate traffic --url "$url" --requests "$requests" --rate 10 --seed 7 "${more[@]}" >"$scratch/traffic" 2>&1 ||
    { cat "$scratch/traffic" >&2; die "no request was answered"; }
}

# ask BODY: one request, whatever is answered.
ask() {
  local header=()
  [ -z "$api_key" ] || header=(-H "authorization: Bearer $api_key")
  curl -s --max-time 55 --output /dev/null "$url/chat/completions" -H 'content-type: application/json' "${header[@]}" -d "$1" || true
}

# One for each query that the traffic alone may not answer: many tokens for much money, slow; gpt-4; and one that fails. Not where
# it would cost money.
special() {
  local text
  ask '{"model": "gpt-4", "temperature": 0.7, "messages": [{"role": "user", "content": "What is a weir?"}]}' &
  if [ -z "$api_key" ]; then
    text=$(printf 'All the water of the river passes the weir, and the weir tells how much it was. %.0s' {1..200})
    ask "{\"model\": \"gpt-4\", \"max_tokens\": 1200, \"messages\": [{\"role\": \"user\", \"content\": \"$text\"}]}" &
  fi
  ask '{"model": "gpt-4", "messages": ' &
  wait
}

accepted_before=$(metric weir_accepted_total)
[ -n "$accepted_before" ] || die "$admin/metrics cannot be read"
say "traffic: $requests requests and one for each query, to $url"
begin=$(date +%s)
traffic &
special &
wait
# What is on its way gets its Record before it is looked for.
accepted=$(metric weir_accepted_total)
for _ in {1..100}; do
  [ "$(metric weir_recorded_total)" -lt "$accepted" ] || break
  sleep 0.1
done
sleep 1.1
end=$(date +%s)
sed 's/^/  /' "$scratch/traffic"
accepted=$((accepted - accepted_before))
echo "  Weir: $accepted accepted since, $(metric weir_recorded_total) recorded in all, $(metric weir_in_flight) in flight"
[ "$accepted" -ge "$requests" ] || die "$requests requests were sent, and Weir accepted $accepted"

# --- proof

# The mission's queries, word for word.
names=('All LLM requests' 'High token usage (>1000 tokens)' "Expensive requests (>\$0.10)" 'Slow requests (>2 seconds)'
  'GPT-4 specific usage' 'Error analysis')
queries=(
  '{namespace="llm", app="llm-proxy"} |= "llm_request_completed"'
  '{namespace="llm", app="llm-proxy"} |= "llm_request_completed" | json | total_tokens > 1000'
  '{namespace="llm", app="llm-proxy"} |= "llm_request_completed" | json | cost_usd > 0.10'
  '{namespace="llm", app="llm-proxy"} |= "llm_request_completed" | json | processing_time_seconds > 2'
  '{namespace="llm", app="llm-proxy"} |= "llm_request_completed" | json | model = "gpt-4"'
  '{namespace="llm", app="llm-proxy"} |= "llm_request_failed"'
)

# count PLACE QUERY: how many lines of the time of the traffic there are. Nothing where it cannot be asked.
count() {
  local counting="sum(count_over_time($2 [$((end - begin))s]))"
  local asked=(-G --data-urlencode "query=$counting" --data-urlencode "time=$end")
  case $1 in
    journal)
      "$weir" query --file "$scratch/lines" --output csv --end "${end}000000000" "$counting" | tail -n +2 | sed 's/.*,//'
      ;;
    weir) operators 30 /loki/api/v1/query "${asked[@]}" | value ;;
    loki) curl -sf --max-time 30 "$loki/loki/api/v1/query" "${asked[@]}" | value ;;
  esac | tr -d '\r' | sed 's/\..*//' | grep . || echo 0
}

# The one number of an answer.
value() { sed -n 's/.*"value":\[[^,]*,"\([0-9.]*\)"\].*/\1/p'; }

# The journal's lines, as far as they may be of that time.
lines() {
  if [ -n "$pod" ]; then
    kubectl exec -n llm "$pod" -- weir tail --data-dir /var/lib/weir --lines 100000 --json --no-follow
  elif [ -n "$data_dir" ]; then
    "$weir" tail --data-dir "$data_dir" --lines 100000 --json --no-follow
  fi
}

# all_counts PLACE: one number for each query.
all_counts() {
  local query
  for query in "${queries[@]}"; do count "$1" "$query"; done
}

say "the six queries, over the $((end - begin)) seconds of the traffic"
lines >"$scratch/lines"
first=${places[0]}
all_counts "$first" >"$scratch/$first"
for place in "${places[@]:1}"; do
  # A line may still be on its way there.
  for _ in {1..20}; do
    all_counts "$place" >"$scratch/$place"
    ! cmp -s "$scratch/$first" "$scratch/$place" || break
    sleep 1
  done
done

printf '  %-34s' query
printf '%10s' "${places[@]}"
echo
for index in "${!names[@]}"; do
  printf '  %-34s' "${names[$index]}"
  for place in "${places[@]}"; do printf '%10s' "$(sed -n "$((index + 1))p" "$scratch/$place")"; done
  echo
done

say "what arrived where"
failed=0
for place in "${places[@]}"; do
  case $place in
    journal) where=${data_dir:-pod $pod} ;;
    weir) where="$admin (Weir's own query API)" ;;
    loki) where=$loki ;;
  esac
  if ! cmp -s "$scratch/$first" "$scratch/$place"; then
    echo "  $place: NOT the same as $first, at $where: weir doctor --loki URL says why"
    failed=1
  elif [ "$(head -1 "$scratch/$place")" = 0 ]; then
    echo "  $place: no completed request, at $where"
    failed=1
  else
    echo "  $place: all of it, at $where"
  fi
done
[[ " ${places[*]} " = *" loki "* ]] || echo "  loki: none here (--loki URL)"
[[ " ${places[*]} " = *" weir "* ]] || echo "  weir: this one has no query API"
[ "$failed" = 0 ] && echo "proven in $SECONDS s" || echo "not proven, in $SECONDS s: docs/troubleshooting.md"
exit "$failed"
