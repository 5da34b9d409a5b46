# Bases for images, made of Debian's packages, where no image registry is needed or reachable; the scripts beside this one read it.
# shellcheck shell=bash disable=SC2154 # settings.sh sets what it uses

debian_base=localhost/debian:bookworm-slim
runtime_base=localhost/runtime:nonroot
build_base=localhost/node:npm

# The bases are made again when this key changes.
bases_key() {
  cat "$cluster_folder/image-bases.sh" - <<<"$(node --version) $(npm --version)" | sha256sum | cut -d' ' -f1
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

# import_base NAME FOLDER [PARENT]
import_base() {
  local container
  container=$(buildah from --pull-never "${3:-scratch}")
  buildah add --quiet "$container" "$2" /
  buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --cmd '[]' "$container"
  buildah commit --quiet --rm "$container" "$1"
}

make_bases() {
  local scratch
  scratch=$(mktemp -d "$cache/bases.XXXXXX")
  # shellcheck disable=SC2064 # this very folder
  trap "rm -rf '$scratch'" EXIT
  make_debian_base "$scratch/debian"
  make_runtime_base "$scratch/runtime" "$scratch/debian/var/cache/apt/archives"
  rm -f "$scratch"/debian/var/cache/apt/archives/*.deb
  make_build_base "$scratch/build"
  import_base $debian_base "$scratch/debian"
  import_base $runtime_base "$scratch/runtime"
  import_base $build_base "$scratch/build" $debian_base
}
