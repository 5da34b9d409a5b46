# Versions, folders and addresses of the test cluster; the scripts beside this one read it.
# shellcheck shell=bash disable=SC2034 # its readers use what is set here
kubernetes=1.36.3
etcd=3.6.8
helm=4.2.4
containerd=2.3.7
coredns=1.15.0
helm3=3.17.2
# release/run works with these.
crane=0.20.7
cosign=2.6.5
oras=1.3.6

cluster_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$(cd "$cluster_folder/../.." && pwd)

# What took long to make and any clone of the project can use; it may be removed at any time.
cache=${POSTSCREEN_CLUSTER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/postscreen-cluster}/$kubernetes
# What the running cluster knows; gone with `cluster down`.
state=${POSTSCREEN_CLUSTER_STATE:-${TMPDIR:-/tmp}/postscreen-cluster}

case $cache in /*) ;; *) cache=$PWD/$cache ;; esac
case $state in /*) ;; *) state=$PWD/$state ;; esac

# The network inside: node N has 10.10.0.(10+N) and gives its pods 10.244.N.0/24.
control_plane_address=10.10.0.1
service_addresses=10.96.0.0/16
pod_addresses=10.244.0.0/16
load_balancer_addresses=10.10.1.0/24

pause_image=localhost/postscreen-test-pause:1
# As containerd needs them, with the registry.
postscreen_image=docker.io/library/postscreen:TEST
postfix_image=docker.io/library/postscreen-postfix:TEST
valkey_image=localhost/redis:test

case $PATH in "$cache/bin:"*) ;; *) export PATH="$cache/bin:$project/node_modules/.bin:$PATH:/usr/sbin:/sbin" ;; esac

fail() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# Prints what is being done and, when it is done, how long it took; its output goes to a file that is shown when it fails.
#   step LOG 'what it does' COMMAND…
step() {
  local log=$1 what=$2 began=$SECONDS result
  shift 2
  mkdir -p "$(dirname "$log")"
  printf '  %-58s' "$what" >&2
  # Not as the condition of an `if`: there a function would go on behind a command that fails.
  set +e
  (set -e; "$@") >"$log" 2>&1 </dev/null
  result=$?
  set -e
  if [ $result = 0 ]; then
    printf '%4d s\n' $((SECONDS - began)) >&2
  else
    printf ' failed after %d s; the end of %s:\n' $((SECONDS - began)) "$log" >&2
    tail -n 25 "$log" | sed 's/^/    /' >&2
    exit 1
  fi
}
