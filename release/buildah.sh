# How images are built, without Docker: buildah with a storage of its own. Releases and the test cluster use it, so there is one way to make an image.
# shellcheck shell=bash disable=SC2154,SC2034 # its readers use npm_secrets, and set $cache (a folder that stays), $scratch (one that does not) and $project

# buildah with a storage of its own: layers over layers where the cache's file system lets us, else whole copies.
use_own_storage() {
  local driver=vfs
  mkdir -p "$cache/containers" "$scratch"/{lower,upper,work,merged}
  if unshare --mount mount -t overlay overlay -o "lowerdir=$scratch/lower,upperdir=$scratch/upper,workdir=$scratch/work" "$scratch/merged" 2>/dev/null; then driver=overlay; fi
  printf '[storage]\ndriver = "%s"\ngraphroot = "%s"\nrunroot = "%s"\n' "$driver" "$cache/containers/storage" "$cache/containers/run" >"$cache/containers/storage.conf"
  printf '{"default": [{"type": "insecureAcceptAnything"}]}\n' >"$cache/containers/policy.json"
  export CONTAINERS_STORAGE_CONF=$cache/containers/storage.conf BUILDAH_ISOLATION=chroot
}

# npm's settings on this machine, which may name a registry and a password, and whom the machine trusts: the build sees them, no image does.
npm_settings() {
  local trusted=/etc/ssl/certs/ca-certificates.crt
  { cat "$HOME/.npmrc" 2>/dev/null || true; echo; echo "registry=$(npm config get registry)"; echo 'cafile=/run/secrets/ca'; } >"$scratch/npmrc"
  npm_secrets=(--secret "id=npmrc,src=$scratch/npmrc" --secret "id=ca,src=$trusted")
}

# bud ARGUMENT… Times of files and of the image are zero: the same files give the same layers.
bud() { buildah bud --quiet --layers --timestamp 0 --signature-policy "$cache/containers/policy.json" "$@"; }

# push_image IMAGE DESTINATION
push_image() { buildah push --quiet --signature-policy "$cache/containers/policy.json" "$@"; }

# Layers of old builds are of no use. A build that was ended in the middle leaves a container, whose image cannot be removed: all others are.
prune_storage() {
  [ "$(buildah images --all --quiet | wc -l)" -ge 400 ] || return 0
  buildah rm --all >/dev/null || true
  buildah rmi --prune >/dev/null || true
}

# enable_emulator ARCHITECTURE: lets this machine run programs of another architecture with Debian's emulator, as Docker's binfmt image does.
enable_emulator() {
  local rules=/proc/sys/fs/binfmt_misc name
  [ "$1" != "$(dpkg --print-architecture)" ] || return 0
  case $1 in arm64) name=qemu-aarch64 ;; amd64) name=qemu-x86_64 ;; esac
  mountpoint -q $rules || mount -t binfmt_misc binfmt_misc $rules || fail "programs for $1 cannot run here: $rules cannot be mounted"
  [ ! -e "$rules/$name" ] || return 0
  [ -e "/usr/lib/binfmt.d/$name.conf" ] || fail "programs for $1 cannot run here: install qemu-user-static"
  cat "/usr/lib/binfmt.d/$name.conf" >$rules/register || fail "programs for $1 cannot run here: $rules/register cannot be written"
}
