# Bases for images, made of Debian's packages, where no image registry is needed or reachable; the scripts beside this one read it.
# shellcheck shell=bash disable=SC2154 # its readers set $cache, $scratch and $project, and have `step` (test/cluster/settings.sh)

# Names for the machine's own architecture; those for another one end in its name (base_for).
debian_base=localhost/debian:bookworm-slim
runtime_base=localhost/runtime:nonroot
build_base=localhost/node:npm

# base_for NAME ARCHITECTURE
base_for() { [ "$2" = "$(dpkg --print-architecture)" ] && echo "$1" || echo "$1-$2"; }

# need_bases ARCHITECTURE: makes those that are missing.
need_bases() {
  local architecture=$1 made
  made=$cache/containers/bases-$architecture
  if [ "$(cat "$made" 2>/dev/null)" != "$(bases_key)" ] || ! buildah inspect --type image "$(base_for $runtime_base "$architecture")" >/dev/null 2>&1; then
    step "$cache/log/bases-$architecture.log" "bases of the images for $architecture, of Debian's packages" make_bases "$architecture"
    bases_key >"$made"
  fi
}

# The bases are made again when this key changes.
bases_key() {
  cat "$project/release/debian-bases.sh" - <<<"$(node --version) $(npm --version)" | sha256sum | cut -d' ' -f1
}

# Debian as in its own slim image: no documentation, no translations, and no service starts during an installation.
make_debian_base() {
  local root=$1
  # Node needs libatomic.
  debootstrap --variant=minbase --include=ca-certificates,libatomic1 bookworm "$root"
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
  chmod 755 "$root/usr/sbin/policy-rc.d"
  cat >"$root/etc/dpkg/dpkg.cfg.d/slim" <<'END'
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/locale/*
path-exclude /usr/share/man/*
path-exclude /usr/share/info/*
END
  cat >"$root/etc/apt/sources.list" <<'END'
deb http://deb.debian.org/debian bookworm main
deb http://deb.debian.org/debian bookworm-updates main
deb http://deb.debian.org/debian-security bookworm-security main
END
  rm -rf "$root"/usr/share/{locale,man,info}/* "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin "$root"/var/log/*.log
  find "$root/usr/share/doc" -type f ! -name copyright -delete
}

# What a program for glibc needs to run, and nothing else. ARCHIVES has the .deb files that debootstrap has fetched.
make_runtime_base() {
  local root=$1 archives=$2 package
  mkdir -p "$root"
  for package in base-files libc6 libgcc-s1 libstdc++6; do dpkg-deb -x "$(find "$archives" -name "${package}_*.deb")" "$root"; done
  rm -rf "$root"/usr/share/{lintian,gdb}
  printf 'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n' >"$root/etc/passwd"
  printf 'root:x:0:\nnonroot:x:65532:\n' >"$root/etc/group"
}

# Debian with this machine's npm and the project's Node.
make_build_base() {
  local root=$1 npm
  npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
  mkdir -p "$root/usr/local/bin" "$root/usr/local/lib/node_modules"
  cp "$(node -p process.execPath)" "$root/usr/local/bin/node"
  cp -R "$npm" "$root/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
}

# import_base NAME FOLDER ARCHITECTURE [PARENT]
import_base() {
  local container
  container=$(buildah from --pull-never "${4:-scratch}")
  buildah add --quiet "$container" "$2" /
  buildah config --os linux --arch "$3" --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --cmd '[]' "$container"
  buildah commit --quiet --timestamp 0 --rm "$container" "$1"
}

# fetch_packages ARCHITECTURE FOLDER: what make_runtime_base needs, without a change of this machine's own apt.
fetch_packages() {
  local apt=$2/apt settings
  mkdir -p "$apt"/{state/lists,cache}/partial
  : >"$apt/status"
  settings=(-o "APT::Architecture=$1" -o "APT::Architectures=$1" -o "Dir::State=$apt/state" -o "Dir::State::status=$apt/status" -o "Dir::Cache=$apt/cache"
    -o APT::Sandbox::User=root)
  apt-get "${settings[@]}" update -qq
  (cd "$2" && apt-get "${settings[@]}" download -qq base-files libc6 libgcc-s1 libstdc++6)
}

# Another architecture has only what its images copy files onto: no program of it runs here, so nothing is installed.
make_foreign_bases() {
  local folder=$1 architecture=$2
  mkdir "$folder/archives"
  fetch_packages "$architecture" "$folder/archives"
  make_runtime_base "$folder/runtime" "$folder/archives"
  import_base "$(base_for $runtime_base "$architecture")" "$folder/runtime" "$architecture"
}

make_own_bases() {
  local folder=$1 architecture=$2
  make_debian_base "$folder/debian"
  make_runtime_base "$folder/runtime" "$folder/debian/var/cache/apt/archives"
  rm -f "$folder"/debian/var/cache/apt/archives/*.deb
  make_build_base "$folder/build"
  import_base $debian_base "$folder/debian" "$architecture"
  import_base $runtime_base "$folder/runtime" "$architecture"
  import_base $build_base "$folder/build" "$architecture" $debian_base
}

make_bases() {
  local folder make=make_own_bases
  folder=$(mktemp -d "$cache/bases.XXXXXX")
  # shellcheck disable=SC2064 # this very folder
  trap "rm -rf '$folder'" EXIT
  [ "$1" = "$(dpkg --print-architecture)" ] || make=make_foreign_bases
  $make "$folder" "$1"
}
