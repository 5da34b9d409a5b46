# A node: a network namespace with a containerd, a kubelet and a kube-proxy of its own. Runs inside the cluster's namespaces.
# shellcheck shell=bash disable=SC2154 # settings.sh and `inside` set what it uses

# FAMILY N
node_address() { case $1 in ipv4) echo "10.10.0.$((10 + $2))" ;; ipv6) echo "fd00:10:10::$((10 + $2))" ;; esac; }
node_pods() { case $1 in ipv4) echo "10.244.$2.0/24" ;; ipv6) echo "fd00:10:244:$2::/64" ;; esac; }

# in_node N COMMAND… Not `ip netns exec`: that hides /sys/fs/cgroup.
in_node() {
  local n=$1
  shift
  nsenter --net="/run/netns/node$n" "$@"
}

# The node's end is eth0, ours is node N's port of the bridge `lan`.
make_node_network() {
  local n=$1 family
  ip netns add "node$n"
  ip link add "node$n" type veth peer name eth0 netns "node$n"
  ip link set "node$n" master lan up
  in_node "$n" ip link set lo up
  # Without duplicate address detection (RFC 4862 5.4) an address can be used at once.
  in_node "$n" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.eth0.accept_dad=0
  in_node "$n" ip link set eth0 up
  for family in $families; do connect_node "$family" "$n"; done
}

# connect_node FAMILY N: its address, and routes from and to other nodes and their pods.
connect_node() {
  local family=$1 n=$2 other
  in_node "$n" ip addr add "$(node_address "$family" "$n")/$(control_plane_prefix "$family")" dev eth0
  in_node "$n" ip route add default via "$(control_plane_address "$family")"
  ip route add "$(node_pods "$family" "$n")" via "$(node_address "$family" "$n")"
  for other in $(seq "$nodes"); do
    [ "$other" = "$n" ] || in_node "$n" ip route add "$(node_pods "$family" "$other")" via "$(node_address "$family" "$other")"
  done
}

# cni_ranges N, cni_routes: the lists of host-local.
cni_ranges() { of_each node_pods "$1" | sed 's/[^,]*/[{ "subnet": "&" }]/g; s/,/, /g'; }
cni_routes() { of_each everywhere | sed 's|[^,]*|{ "dst": "&/0" }|g; s/,/, /g'; }

start_node() {
  local n=$1 name=node$1 own=$state/node$1 image
  mkdir -p "$own/cni" "$own/kubelet" "$own/pods"
  make_node_network "$n"
  fill cni.conflist NODE_STATE="$own" RANGES="$(cni_ranges "$n")" ROUTES="$(cni_routes)" >"$own/cni/pods.conflist"
  fill containerd.toml NODE_STATE="$own" >"$own/containerd.toml"
  fill kubelet.yaml NODE_STATE="$own" DNS="$(in_yaml control_plane_address)" >"$own/kubelet.yaml"
  fill kube-proxy.yaml NODE="$name" >"$own/kube-proxy.yaml"
  start "$name-containerd" nsenter --net="/run/netns/$name" containerd -c "$own/containerd.toml"
  until ctr -a "$own/containerd.sock" version >/dev/null 2>&1; do sleep 0.1; done
  for image in "$cache"/system-images/*.tar; do load_image "$n" "$image"; done
  start "$name-kubelet" nsenter --net="/run/netns/$name" kubelet --kubeconfig "$state/$name.kubeconfig" --config "$own/kubelet.yaml" \
    --root-dir "$own/kubelet" --cert-dir "$own/kubelet/pki" --hostname-override "$name" --node-ip "$(of_each node_address "$n")"
  start "$name-kube-proxy" nsenter --net="/run/netns/$name" kube-proxy --config "$own/kube-proxy.yaml"
}

# load_image N FILE.tar; nothing to do when that very file was the last of its name.
load_image() {
  local own=$state/node$1 stamp
  stamp=$own/loaded/$(basename "$2")
  mkdir -p "$own/loaded"
  [ "$(cat "$stamp" 2>/dev/null)" != "$(stat -c '%n %s %y' "$2")" ] || return 0
  if ! ctr -a "$own/containerd.sock" -n k8s.io images import --local "$2" >"$own/import.log" 2>&1; then
    cat "$own/import.log" >&2
    return 1
  fi
  stat -c '%n %s %y' "$2" >"$stamp"
}
