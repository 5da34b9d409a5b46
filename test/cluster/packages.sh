# Sees to the Debian packages that the test cluster is made of and with; the scripts beside this one read it.
# shellcheck shell=bash disable=SC2034,SC2154 # settings.sh sets what it uses, its readers use what it sets

# A program (or a file) to look for, and the Debian package that has it.
node_packages='runc runc
/usr/lib/cni/ptp containernetworking-plugins
ip iproute2
nft nftables
iptables iptables
conntrack conntrack
openssl openssl
/bin/busybox busybox-static
prometheus prometheus'
image_packages='buildah buildah
debootstrap debootstrap'
helm3_packages='unzip unzip'

# need_packages LIST: installs the packages of LIST whose program is not there.
need_packages() {
  local name package missing=()
  while read -r name package; do
    command -v "$name" >/dev/null || missing+=("$package")
  done <<<"$1"
  [ ${#missing[@]} -gt 0 ] || return 0
  if ! grep -qx 'VERSION_CODENAME=bookworm' /etc/os-release 2>/dev/null; then
    fail "this needs ${missing[*]}: install them (names of Debian's packages). It does so itself on Debian 12, which is where the test cluster is known to work"
  fi
  step "$cache/log/apt.log" "Debian packages: ${missing[*]}" install_packages "${missing[@]}"
}

install_packages() {
  apt-get update -qq || echo 'apt-get update failed; going on with the package lists that are there.'
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

need_root() {
  [ "$(id -u)" = 0 ] || fail 'the test cluster needs root: it makes namespaces, mounts and network devices'
}
