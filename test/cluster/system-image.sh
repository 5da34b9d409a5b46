# Makes a container image of a few static programs; the scripts beside this one read it.
# shellcheck shell=bash

# make_image OUT.tar REFERENCE ENTRYPOINT FOLDER: an archive as `docker save` writes it, with the folder as its root file system.
make_image() {
  local out=$1 reference=$2 entrypoint=$3 root=$4 scratch layer config architecture
  case $(uname -m) in aarch64) architecture=arm64 ;; *) architecture=amd64 ;; esac
  scratch=$(mktemp -d)
  tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -C "$root" -cf "$scratch/layer.tar" .
  layer=$(sha256sum <"$scratch/layer.tar" | cut -d' ' -f1)
  printf '{"architecture":"%s","os":"linux","config":{"Entrypoint":["%s"],"Env":["PATH=/bin"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
    "$architecture" "$entrypoint" "$layer" >"$scratch/config.json"
  config=$(sha256sum <"$scratch/config.json" | cut -d' ' -f1).json
  mv "$scratch/config.json" "$scratch/$config"
  printf '[{"Config":"%s","RepoTags":["%s"],"Layers":["layer.tar"]}]' "$config" "$reference" >"$scratch/manifest.json"
  tar -C "$scratch" -cf "$out.partial" manifest.json "$config" layer.tar
  mv "$out.partial" "$out"
  rm -rf "$scratch"
}
