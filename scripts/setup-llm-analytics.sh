#!/usr/bin/env bash
# Brings up Weir with everything to look at it: Prometheus, Loki, a collector, Grafana with the dashboard "LLM Analytics & Metrics".
# See --help. Run it again as often as you like: what is there already is brought up to date.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
  cat <<'HELP'
usage: scripts/setup-llm-analytics.sh [options]

  --target TARGET     where to (default: auto)
                        auto      a cluster if kubectl reaches one, else compose if docker runs, else local
                        kind      a kind cluster, made if there is none; the image is built and loaded into it
                        k3s       this machine's k3s; the image is built and imported
                        cluster   the cluster of kubectl's current context; needs --image from a registry it reaches
                        compose   containers on this machine, without a cluster
                        local     processes on this machine, without containers: Weir and a simulated provider
  --image NAME:TAG    the image (default: weir:VERSION, built here)
  --no-build          take the image, or the binary, as it is
  --simulate          a provider that makes its answers up: no key, nothing leaves the machine
  --real              OpenAI, with the key that each caller brings
                      (default: --simulate, unless OPENAI_API_KEY is set)
  --collector NAME    alloy or promtail (default: alloy; Promtail ended in March 2026)
  --no-forward        in a cluster: do not forward Grafana and Weir to localhost
  --uninstall         take it away again; volumes with Records stay
  --dry-run           say what would be done, and do nothing
  --help              this

In a cluster Weir goes to the namespace llm, all else to observability; Prometheus and Grafana are the release kps.
Afterwards: scripts/test-llm-analytics.sh
HELP
}

# --- what is asked for

target=auto image='' build=1 simulate='' collector=alloy forward=1 uninstall='' dry=''
while [ $# -gt 0 ]; do
  case $1 in
    --target) target=${2:?--target needs a word}; shift ;;
    --image) image=${2:?--image needs a name}; shift ;;
    --collector) collector=${2:?--collector needs a name}; shift ;;
    --no-build) build='' ;;
    --simulate) simulate=1 ;;
    --real) simulate=0 ;;
    --no-forward) forward='' ;;
    --uninstall) uninstall=1 ;;
    --dry-run) dry=1 ;;
    --help | -h) usage; exit 0 ;;
    *) echo "$0: unknown option $1" >&2; usage >&2; exit 2 ;;
  esac
  shift
done
case $target in auto | kind | k3s | cluster | compose | local) ;; *) echo "$0: no target $target" >&2; exit 2 ;; esac
case $collector in alloy | promtail) ;; *) echo "$0: no collector $collector" >&2; exit 2 ;; esac
[ -n "$simulate" ] || { [ -n "${OPENAI_API_KEY:-}" ] && simulate=0 || simulate=1; }

version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -1)
image_given=$image
image=${image:-weir:$version}
place=${WEIR_LOCAL_DIR:-$root/.tools/local}   # of the local target
kind_name=${KIND_CLUSTER_NAME:-weir}
forwards=$root/.tools/forwards      # process ids of port forwards

say() { printf '\n== %s\n' "$*"; }
warn() { printf '\033[33m!! %s\033[0m\n' "$*" >&2; }
die() { echo "$0: $*" >&2; exit 1; }

# Does it, or says that it would.
run() {
  if [ -n "$dry" ]; then
    printf '+'
    printf ' %q' "$@"
    echo
  else
    "$@"
  fi
}

need() { [ -n "$dry" ] || command -v "$1" >/dev/null || die "$1 is missing: $2"; }

reaches_cluster() { command -v kubectl >/dev/null && kubectl version --request-timeout=5s >/dev/null 2>&1; }
runs_docker() { command -v docker >/dev/null && docker info >/dev/null 2>&1; }

choose_target() {
  [ "$target" = auto ] || return 0
  if reaches_cluster; then
    case $(kubectl config current-context 2>/dev/null) in
      kind-*) target=kind kind_name=$(kubectl config current-context | sed 's/^kind-//') ;;
      *) if command -v k3s >/dev/null; then target=k3s; else target=cluster; fi ;;
    esac
  elif runs_docker && docker compose version >/dev/null 2>&1; then
    target=compose
  else
    target=local
  fi
  echo "target: $target (choose another with --target)"
}

# --- the image

build_image() {
  [ -n "$build" ] && [ -z "$image_given" ] || return 0
  say "image $image"
  need docker "https://docs.docker.com/engine/install, or name one with --image"
  run docker build -f "$root/deploy/Dockerfile" -t "$image" \
    --build-arg "WEIR_COMMIT=$(git -C "$root" rev-parse --short=12 HEAD 2>/dev/null || echo unknown)" "$root"
}

load_image() {
  case $target in
    kind) run kind load docker-image "$image" --name "$kind_name" ;;
    k3s)
      if [ -n "$dry" ]; then
        echo "+ docker save $image | k3s ctr images import -"
      else
        docker save "$image" | k3s ctr images import -
      fi
      ;;
    cluster)
      [ -n "$image_given" ] || warn "the cluster must find $image: push it to a registry and name it with --image"
      ;;
  esac
}

# --- a cluster

make_kind() {
  [ "$target" = kind ] || return 0
  need kind "https://kind.sigs.k8s.io"
  if [ -z "$dry" ] && kind get clusters 2>/dev/null | grep -qx "$kind_name"; then
    echo "kind cluster $kind_name is there"
  else
    run kind create cluster --name "$kind_name" --wait 120s
  fi
  run kubectl config use-context "kind-$kind_name"
}

setup_cluster() {
  need kubectl "https://kubernetes.io/docs/tasks/tools"
  need helm "https://helm.sh/docs/intro/install"
  build_image
  make_kind
  load_image

  say "namespaces llm and observability"
  run kubectl apply -f "$root/deploy/kubernetes/namespaces.yaml"

  make_token

  say "kube-prometheus-stack, release kps: Prometheus, Alertmanager, Grafana"
  run helm repo add prometheus-community https://prometheus-community.github.io/helm-charts --force-update
  run helm upgrade --install kps prometheus-community/kube-prometheus-stack --namespace observability \
    --values "$root/deploy/kubernetes/kps-values.yaml" --wait --timeout 15m

  say "Loki"
  run kubectl apply -f "$root/deploy/kubernetes/loki.yaml"
  run kubectl rollout status statefulset/loki -n observability --timeout 5m

  say "$collector: the one path of a line from a pod to Loki"
  local other=promtail
  [ "$collector" = promtail ] && other=alloy && warn "Promtail ended in March 2026; move to Alloy when you can"
  # Both at once would bring each line twice.
  run kubectl delete --ignore-not-found -f "$root/observability/$other-llm-enhanced.yaml"
  run kubectl apply -f "$root/observability/$collector-llm-enhanced.yaml"

  say "Weir"
  local values=() before=''
  # An image that was built anew has the same name: pods that run keep the old one until they are told.
  if [ -n "$build" ] && [ -z "$image_given" ]; then
    before=$(there statefulset/weir deployment/weir-simulator)
  fi
  [ "$simulate" = 1 ] && values=(--values "$root/deploy/helm/values/simulated.yaml")
  run helm upgrade --install weir "$root/deploy/helm/weir" --namespace llm "${values[@]}" \
    --set "image.repository=${image%:*}" --set-string "image.tag=${image##*:}" --set serviceMonitor.enabled=true \
    --set 'admin.tokens[0].name=grafana,admin.tokens[0].scopes[0]=read' --set-string "admin.tokens[0].sha256=$digest" \
    --wait --timeout 5m
  restart_pods "$before"

  say "dashboards, data sources, rules"
  local file
  for file in grafana-datasources.yaml grafana-llm-analytics-dashboard.yaml grafana-llm-prometheus-dashboard.yaml \
    alerts/prometheus-rule.yaml; do
    run kubectl apply -f "$root/observability/$file"
  done
  # Grafana reads data sources when it starts; dashboards it finds by itself.
  run kubectl rollout restart deployment/kps-grafana -n observability
  run kubectl rollout status deployment/kps-grafana -n observability --timeout 5m

  [ -z "$forward" ] || forward_ports
  tell_where
}

# Which of these there are in the namespace llm; in a dry run all of them.
there() {
  if [ -n "$dry" ]; then echo "$*"; else kubectl get "$@" -n llm --ignore-not-found -o name | tr '\n' ' '; fi
}

restart_pods() {
  local one
  for one in $1; do
    run kubectl rollout restart "$one" -n llm
    run kubectl rollout status "$one" -n llm --timeout 5m
  done
}

# The token that Grafana shows Weir, which has its SHA-256 only. One that is there stays.
make_token() {
  local token=''
  say "a token for Grafana: the secret weir-token"
  if [ -n "$dry" ]; then
    echo "+ kubectl create secret generic weir-token -n observability --from-file=WEIR_TOKEN=/dev/stdin, unless it is there"
    digest=SHA256
    return
  fi
  token=$(kubectl get secret weir-token -n observability --ignore-not-found -o 'jsonpath={.data.WEIR_TOKEN}' | base64 -d)
  if [ -z "$token" ]; then
    token=weir-$(head -c 32 /dev/urandom | sha256sum | cut -d ' ' -f 1)
    printf %s "$token" | kubectl create secret generic weir-token -n observability --from-file=WEIR_TOKEN=/dev/stdin
  fi
  digest=$(printf %s "$token" | sha256sum | cut -d ' ' -f 1)
}

forward_ports() {
  say "ports on this machine"
  run mkdir -p "$forwards"
  forward_port grafana observability svc/kps-grafana 3000:80
  forward_port weir llm svc/llm-proxy 4000:4000 4001:4001
  forward_port loki observability svc/loki 3100:3100
}

# forward_port NAME NAMESPACE SERVICE PORTS…: in the background, once.
forward_port() {
  local name=$1 namespace=$2
  shift 2
  stop_forward "$name"
  if [ -n "$dry" ]; then
    run kubectl port-forward -n "$namespace" "$@"
    return
  fi
  kubectl port-forward -n "$namespace" "$@" >"$forwards/$name.log" 2>&1 &
  echo $! >"$forwards/$name.pid"
  echo "$*: process $!, log in $forwards/$name.log"
}

stop_forward() {
  local file=$forwards/$1.pid id
  [ -f "$file" ] && [ -z "$dry" ] || return 0
  id=$(cat "$file")
  # A number may be somebody else's by now.
  if grep -q port-forward "/proc/$id/cmdline" 2>/dev/null; then kill "$id" 2>/dev/null || true; fi
  rm -f "$file"
}

uninstall_cluster() {
  need kubectl "https://kubernetes.io/docs/tasks/tools"
  need helm "https://helm.sh/docs/intro/install"
  local name file
  for name in grafana weir loki; do stop_forward "$name"; done
  run helm uninstall weir --namespace llm --ignore-not-found --wait
  for file in alerts/prometheus-rule.yaml grafana-llm-prometheus-dashboard.yaml grafana-llm-analytics-dashboard.yaml \
    grafana-datasources.yaml alloy-llm-enhanced.yaml promtail-llm-enhanced.yaml; do
    run kubectl delete --ignore-not-found -f "$root/observability/$file"
  done
  run kubectl delete --ignore-not-found -f "$root/deploy/kubernetes/loki.yaml"
  run kubectl delete secret weir-token -n observability --ignore-not-found
  run helm uninstall kps --namespace observability --ignore-not-found --wait
  echo "volumes stay: kubectl get pvc -n llm; kubectl get pvc -n observability"
  [ "$target" != kind ] || echo "the cluster stays: kind delete cluster --name $kind_name"
}

# --- compose

compose() {
  local file=weir.toml profile=()
  if [ "$simulate" = 1 ]; then
    file=simulated.toml
    profile=(--profile simulated)
  fi
  run env "WEIR_IMAGE=$image" "WEIR_CONFIG=$file" docker compose -f "$root/deploy/compose.yaml" "${profile[@]}" "$@"
}

setup_compose() {
  need docker "https://docs.docker.com/engine/install"
  build_image
  say "Weir, Loki, Alloy, Prometheus, Grafana"
  compose up --detach --remove-orphans
  tell_where
}

uninstall_compose() {
  simulate=1
  compose down --remove-orphans
  echo "volumes stay: docker volume ls --filter label=com.docker.compose.project=weir"
}

# --- local

# The binary: the one that is named, else one that is built.
local_weir() {
  if [ -n "${WEIR_BIN:-}" ]; then
    echo "$WEIR_BIN"
  else
    echo "${CARGO_TARGET_DIR:-$root/target}/release/weir"
  fi
}

# Whether the process of NAME is still ours and runs.
runs_local() {
  local id
  id=$(cat "$place/$1.pid" 2>/dev/null) || return 1
  [ -n "$id" ] && tr '\0' ' ' <"/proc/$id/cmdline" 2>/dev/null | grep -q "weir $2"
}

# start_local NAME WORDS COMMAND…: in the background, with a log and a file that has its number.
start_local() {
  local name=$1 words=$2
  shift 2
  if [ -n "$dry" ]; then
    run "$@"
    return
  fi
  if runs_local "$name" "$words"; then
    echo "$name runs already (process $(cat "$place/$name.pid"))"
    return
  fi
  nohup "$@" >"$place/$name.out" 2>>"$place/$name.log" </dev/null &
  echo $! >"$place/$name.pid"
  echo "$name: process $!, log in ${place#"$root"/}/$name.log"
}

stop_local() {
  local name=$1 id
  runs_local "$name" "$2" || { echo "$name does not run"; rm -f "$place/$name.pid"; return 0; }
  id=$(cat "$place/$name.pid")
  run kill -TERM "$id"
  [ -z "$dry" ] || return 0
  local tries=0
  while runs_local "$name" "$2" && [ "$tries" -lt 450 ]; do
    sleep 0.1
    tries=$((tries + 1))
  done
  rm -f "$place/$name.pid"
  echo "$name has stopped"
}

write_local_config() {
  if [ -n "$dry" ]; then
    echo "+ write $place/weir.toml"
    return
  fi
  mkdir -p "$place"
  {
    echo "# Written by scripts/setup-llm-analytics.sh, anew each time."
    echo "data_dir = \"$place/data\""
    echo 'instance = "local"'
    echo "listen = \"127.0.0.1:$callers_port\""
    echo "admin.listen = \"127.0.0.1:$operators_port\""
    [ -z "${WEIR_TOKEN:-}" ] || echo 'admin.token = "env:WEIR_TOKEN"'
    echo 'stdout = false'
    if [ "$simulate" = 1 ]; then
      sed -n '/^\[\[providers\]\]/,$p' "$root/deploy/compose/simulated.toml" |
        sed "s#http://provider:4010#http://127.0.0.1:$provider_port#"
    else
      sed -n '/^\[\[providers\]\]/,$p' "$root/deploy/compose/weir.toml"
    fi
    if [ -n "${LOKI_ADDR:-}" ]; then printf '\n[[followers]]\nkind = "loki"\nurl = "%s"\n' "$LOKI_ADDR"; fi
  } >"$place/weir.toml.next"
  mv "$place/weir.toml.next" "$place/weir.toml"
}

callers_port=${WEIR_PORT:-4000}
operators_port=${WEIR_ADMIN_PORT:-4001}
provider_port=${WEIR_PROVIDER_PORT:-4010}

setup_local() {
  local weir
  weir=$(local_weir)
  if [ -n "$build" ] && [ -z "${WEIR_BIN:-}" ]; then
    say "Weir"
    need cargo "https://rustup.rs"
    run cargo build --release --locked --manifest-path "$root/Cargo.toml"
  fi
  [ -n "$dry" ] || [ -x "$weir" ] || die "$weir is missing: leave out --no-build, or name a binary with WEIR_BIN"
  say "processes"
  write_local_config
  if [ "$simulate" = 1 ]; then
    start_local provider "simulate provider" "$weir" simulate provider --listen "127.0.0.1:$provider_port"
  fi
  start_local weir serve "$weir" serve --config "$place/weir.toml"
  if [ -z "$dry" ]; then
    wait_for "http://127.0.0.1:$operators_port/readyz" || { tail -5 "$place/weir.log" >&2; die "Weir did not start"; }
    say "weir doctor"
    "$weir" doctor --config "$place/weir.toml" || warn "see docs/troubleshooting.md"
  fi
  tell_where
}

wait_for() {
  local tries=0
  until curl --silent --fail --max-time 2 --output /dev/null "$1"; do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || return 1
    sleep 0.1
  done
}

uninstall_local() {
  stop_local weir serve
  stop_local provider "simulate provider"
  echo "Records stay in ${place#"$root"/}/data"
}

# --- what there is now

tell_where() {
  say "ready"
  echo "callers    http://localhost:$callers_port/v1      export OPENAI_BASE_URL=http://localhost:$callers_port/v1"
  echo "operators  http://localhost:$operators_port"
  if [ "$target" = local ]; then
    echo "Grafana    none here: import observability/grafana/llm-analytics.json into yours"
  else
    echo "Grafana    http://localhost:3000         admin / prom-operator, dashboard \"LLM Analytics & Metrics\""
    warn "admin / prom-operator is known to everybody: change it before anybody else reaches Grafana"
    tell_token
  fi
  if [ "$simulate" = 1 ]; then
    echo "A simulated provider answers: its Records say \"simulated\":true, and no figure is true of anything. For OpenAI: --real"
  fi
  echo "Next: scripts/test-llm-analytics.sh"
}

# How the page, `weir query` and the test are let in.
tell_token() {
  case $target in
    compose)
      [ -n "${WEIR_TOKEN:-}" ] || warn "the operators' token is weir-on-this-machine: set WEIR_TOKEN before anybody else reaches it"
      ;;
    *)
      echo "token      kubectl get secret weir-token -n observability -o 'jsonpath={.data.WEIR_TOKEN}' | base64 -d"
      ;;
  esac
}

choose_target
case $target:$uninstall in
  local:) setup_local ;;
  local:1) uninstall_local ;;
  compose:) setup_compose ;;
  compose:1) uninstall_compose ;;
  *:1) uninstall_cluster ;;
  *) setup_cluster ;;
esac
