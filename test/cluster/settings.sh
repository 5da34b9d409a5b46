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

# The address families of the cluster, the first one preferred: `cluster up` writes them.
families=$(cat "$state/families" 2>/dev/null || echo ipv4)
has_family() { case " $families " in *" $1 "*) ;; *) return 1 ;; esac; }

# The network inside: node N has 10.10.0.(10+N) and gives its pods 10.244.N.0/24, or the same in IPv6 (ULA, RFC 4193).
# FAMILY prints the address of the control plane, and so on.
control_plane_address() { case $1 in ipv4) echo 10.10.0.1 ;; ipv6) echo fd00:10:10::1 ;; esac; }
control_plane_prefix() { case $1 in ipv4) echo 16 ;; ipv6) echo 64 ;; esac; }
service_addresses() { case $1 in ipv4) echo 10.96.0.0/16 ;; ipv6) echo fd00:10:96::/112 ;; esac; }
first_service_address() { case $1 in ipv4) echo 10.96.0.1 ;; ipv6) echo fd00:10:96::1 ;; esac; }
pod_addresses() { case $1 in ipv4) echo 10.244.0.0/16 ;; ipv6) echo fd00:10:244::/48 ;; esac; }
node_addresses() { case $1 in ipv4) echo 10.10.0.0/16 ;; ipv6) echo fd00:10:10::/64 ;; esac; }
load_balancer_addresses() { case $1 in ipv4) echo 10.10.1.0/24 ;; ipv6) echo fd00:10:10:1::/64 ;; esac; }
everywhere() { case $1 in ipv4) echo 0.0.0.0 ;; ipv6) echo :: ;; esac; }
in_url() { case $1 in *:*) echo "[$1]" ;; *) echo "$1" ;; esac; }

# of_each FUNCTION [ARGUMENT…]: what it prints for each family of the cluster, with commas between.
of_each() {
  local family all=()
  for family in $families; do all+=("$("$1" "$family" "${@:2}")"); done
  (IFS=,; echo "${all[*]}")
}
control_plane=$(control_plane_address "${families%% *}")
api_server=https://$(in_url "$control_plane"):6443

pause_image=localhost/postscreen-test-pause:1
# As containerd needs them, with the registry.
postscreen_image=docker.io/library/postscreen:TEST
postfix_image=docker.io/library/postscreen-postfix:TEST
valkey_image=localhost/redis:test
proxies_image=localhost/proxies:test

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
