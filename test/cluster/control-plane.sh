# The control plane: certificates, etcd, API server, controllers, DNS. Runs inside the cluster's namespaces.
# shellcheck shell=bash disable=SC2154 # settings.sh and `inside` set what it uses

# start NAME COMMAND…: in the background, with a log and a file with its process id. Until `stop` it is started again when it exits (keep).
start() {
  local name=$1
  shift
  rm -f "$state/run/$name".{pid,stopped}
  : >"$state/run/$name.exits"
  setsid "$cluster_folder/keep" "$state" "$name" "$@" >>"$state/log/$name.log" 2>&1 </dev/null 9>&- &
  until [ -e "$state/run/$name.pid" ]; do sleep 0.05; done
}

# stop NAME: asks it to end, and ends it after 5 s.
stop() {
  local pid i
  touch "$state/run/$1.stopped"
  pid=$(cat "$state/run/$1.pid")
  kill "$pid" 2>/dev/null || return 0
  for i in $(seq 50); do
    kill -0 "$pid" 2>/dev/null || return 0
    [ "$i" != 50 ] || kill -KILL "$pid" 2>/dev/null || true
    sleep 0.1
  done
}

# in_yaml FUNCTION [ARGUMENT…]: as of_each, between the first and the last quote of a list.
in_yaml() { of_each "$@" | sed "s/,/', '/g"; }

# fill TEMPLATE [NAME=VALUE…]: prints a file of config/ with @STATE@ and so on filled in.
fill() {
  local program file=$1 pair
  program="s|@STATE@|$state|g; s|@ALL_PODS@|$(of_each pod_addresses)|g; s|@NODES@|$(in_yaml node_addresses)|g; s|@EVERYWHERE@|$(everywhere "${families%% *}")|g; s|@PAUSE_IMAGE@|$pause_image|g"
  shift
  for pair in "$@"; do program+="; s|@${pair%%=*}@|${pair#*=}|g"; done
  sed "$program" "$cluster_folder/config/$file"
}

as_admin() { kubectl --kubeconfig "$state/admin.kubeconfig" "$@"; }

# make_certificate NAME SUBJECT EXTENSION
make_certificate() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1.key" -out "$1.csr" -subj "$2" 2>/dev/null
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -out "$1.crt" -days 30 -extfile <(echo "$3") 2>/dev/null
}

# make_user NAME SUBJECT: a certificate and a kubeconfig that needs no other file.
make_user() {
  make_certificate "$1" "$2" extendedKeyUsage=clientAuth
  cat >"$state/$1.kubeconfig" <<END
apiVersion: v1
kind: Config
clusters: [{ name: test, cluster: { server: '$api_server', certificate-authority-data: $(base64 -w0 ca.crt) } }]
users: [{ name: $1, user: { client-certificate-data: $(base64 -w0 "$1.crt"), client-key-data: $(base64 -w0 "$1.key") } }]
contexts: [{ name: test, context: { cluster: test, user: $1 } }]
current-context: test
END
}

# Names every part that does not work; fails if there is one.
check_parts() {
  local file name sick=0
  for file in "$state"/run/*.pid; do
    name=$(basename "$file" .pid)
    kill -0 "$(cat "$file" 2>/dev/null)" 2>/dev/null || { echo "$name is not running: $state/log/$name.log" >&2; sick=1; }
  done
  is_healthy "$api_server/readyz" || { echo "the API server is not ready" >&2; sick=1; }
  is_healthy https://127.0.0.1:10257/healthz || { echo "kube-controller-manager is not healthy" >&2; sick=1; }
  is_healthy https://127.0.0.1:10259/healthz || { echo "kube-scheduler is not healthy" >&2; sick=1; }
  return $sick
}

# is_healthy URL: without an identity kubectl would ask for a name and a password.
is_healthy() {
  kubectl --kubeconfig /dev/null --server "${1%/*}" --insecure-skip-tls-verify --client-certificate "$state/pki/admin.crt" --client-key "$state/pki/admin.key" \
    --request-timeout 10s get --raw "/${1##*/}" >/dev/null 2>&1 </dev/null
}

make_identities() {
  local i family names=DNS:kubernetes.default.svc,IP:127.0.0.1
  cd "$state/pki" || return
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.crt -subj /CN=postscreen-test -days 30 2>/dev/null
  openssl ecparam -name prime256v1 -genkey -noout -out service-accounts.key
  for family in $families; do names+=",IP:$(control_plane_address "$family"),IP:$(first_service_address "$family")"; done
  make_certificate server /CN=kube-apiserver "subjectAltName=$names"
  make_certificate front-proxy /CN=front-proxy extendedKeyUsage=clientAuth
  make_user admin /O=system:masters/CN=admin
  make_user kube-controller-manager /CN=system:kube-controller-manager
  make_user kube-scheduler /CN=system:kube-scheduler
  make_user kube-proxy /CN=system:kube-proxy
  for i in $(seq "$nodes"); do make_user "node$i" "/O=system:nodes/CN=system:node:node$i"; done
  cd / || return
}

start_etcd() {
  start etcd etcd --data-dir "$state/etcd" --unsafe-no-fsync --listen-peer-urls http://127.0.0.1:2380 \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379
}

start_apiserver() {
  local pki=$state/pki
  start kube-apiserver kube-apiserver --etcd-servers http://127.0.0.1:2379 --advertise-address "$control_plane" --secure-port 6443 \
    --authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction --allow-privileged=true \
    --service-cluster-ip-range "$(of_each service_addresses)" --kubelet-preferred-address-types InternalIP \
    --audit-policy-file "$cluster_folder/config/audit-policy.yaml" --audit-log-path "$state/audit.log" --audit-log-mode blocking \
    --tls-cert-file "$pki/server.crt" --tls-private-key-file "$pki/server.key" --client-ca-file "$pki/ca.crt" \
    --kubelet-client-certificate "$pki/admin.crt" --kubelet-client-key "$pki/admin.key" \
    --service-account-key-file "$pki/service-accounts.key" --service-account-signing-key-file "$pki/service-accounts.key" \
    --service-account-issuer https://kubernetes.default.svc \
    --proxy-client-cert-file "$pki/front-proxy.crt" --proxy-client-key-file "$pki/front-proxy.key" \
    --requestheader-client-ca-file "$pki/ca.crt" --requestheader-allowed-names front-proxy \
    --requestheader-extra-headers-prefix X-Remote-Extra- --requestheader-group-headers X-Remote-Group --requestheader-username-headers X-Remote-User
}

wait_for_apiserver() {
  local i
  for i in $(seq 1500); do
    as_admin get --raw /readyz >/dev/null 2>&1 && return 0
    # Once or twice it may have been quicker than etcd.
    if [ "$(wc -l <"$state/run/kube-apiserver.exits")" -ge 5 ]; then break; fi
    sleep 0.2
  done
  echo "the API server is not ready after $((i / 5)) s: $state/log/kube-apiserver.log" >&2
  return 1
}

start_controllers() {
  local name more=()
  for name in kube-controller-manager kube-scheduler; do
    # Without `node-monitor-…` a node that is cut off counts as ready for 50 s, and pods leave it after five minutes (the stories set tolerations for that).
    [ $name = kube-scheduler ] || more=(--service-account-private-key-file "$state/pki/service-accounts.key" --root-ca-file "$state/pki/ca.crt" --use-service-account-credentials
      --node-monitor-period 1s --node-monitor-grace-period 10s)
    start $name $name --kubeconfig "$state/$name.kubeconfig" --authentication-kubeconfig "$state/$name.kubeconfig" \
      --authorization-kubeconfig "$state/$name.kubeconfig" --leader-elect=false ${more[@]+"${more[@]}"}
    more=()
  done
  as_admin create clusterrolebinding kube-proxy --clusterrole system:node-proxier --user system:kube-proxy >/dev/null
}

start_dns() {
  fill Corefile DNS="$(of_each control_plane_address | tr , ' ')" >"$state/Corefile"
  start coredns coredns -conf "$state/Corefile"
}
