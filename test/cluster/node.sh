# A node: a network namespace with a containerd, a kubelet and a kube-proxy of its own. Runs inside the cluster's namespaces.
# shellcheck shell=bash disable=SC2154 # settings.sh and `inside` set what it uses

node_address() { echo "10.10.0.$((10 + $1))"; }
node_pods() { echo "10.244.$1.0/24"; }

# in_node N COMMAND… Not `ip netns exec`: that hides /sys/fs/cgroup.
in_node() {
  local n=$1
  shift
  nsenter --net="/run/netns/node$n" "$@"
}

# The node's end is eth0, ours is node N's port of the bridge `lan`.
make_node_network() {
  local n=$1 other
  ip netns add "node$n"
  ip link add "node$n" type veth peer name eth0 netns "node$n"
  ip link set "node$n" master lan up
  in_node "$n" ip link set lo up
  in_node "$n" ip addr add "$(node_address "$n")/16" dev eth0
  in_node "$n" ip link set eth0 up
  in_node "$n" ip route add default via "$control_plane_address"
  in_node "$n" sysctl -qw net.ipv4.ip_forward=1
  ip route add "$(node_pods "$n")" via "$(node_address "$n")"
  for other in $(seq "$nodes"); do
    [ "$other" = "$n" ] || in_node "$n" ip route add "$(node_pods "$other")" via "$(node_address "$other")"
  done
}

start_node() {
  local n=$1 name=node$1 own=$state/node$1 image
  mkdir -p "$own/cni" "$own/kubelet" "$own/pods"
  make_node_network "$n"
  fill cni.conflist NODE_STATE="$own" PODS="$(node_pods "$n")" >"$own/cni/pods.conflist"
  fill containerd.toml NODE_STATE="$own" >"$own/containerd.toml"
  fill kubelet.yaml NODE_STATE="$own" >"$own/kubelet.yaml"
  fill kube-proxy.yaml NODE="$name" >"$own/kube-proxy.yaml"
  start "$name-containerd" nsenter --net="/run/netns/$name" containerd -c "$own/containerd.toml"
  until ctr -a "$own/containerd.sock" version >/dev/null 2>&1; do sleep 0.1; done
  for image in "$cache"/system-images/*.tar; do load_image "$n" "$image"; done
  start "$name-kubelet" nsenter --net="/run/netns/$name" kubelet --kubeconfig "$state/$name.kubeconfig" --config "$own/kubelet.yaml" \
    --root-dir "$own/kubelet" --cert-dir "$own/kubelet/pki" --hostname-override "$name" --node-ip "$(node_address "$n")"
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
