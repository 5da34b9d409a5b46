# Builds the images of a release: for each of them an OCI layout, whose index has one image for each architecture, and a bill of materials.
# shellcheck shell=bash disable=SC2154 # release/run sets what it uses

# base_tag ARG: the base image that the Dockerfile names, by the digest that its tag has now.
base_tag() {
  local tag digest
  tag=$(sed -n "s/^ARG $1=//p" "$project/Dockerfile")
  digest=$(crane digest "${tag%@*}") || fail "the digest of the base image $tag cannot be read; --debian-bases makes the bases of Debian's packages"
  echo "${tag%@*}@$digest"
}

# base_of ARG ARCHITECTURE: the base image of this architecture, as buildah has it. The stage `build` runs on this machine. buildah's own --platform
# would apply to that stage too.
base_of() {
  local architecture=$2
  [ "$1" != BUILD ] || architecture=$(dpkg --print-architecture)
  if [ "$debian_bases" = false ]; then
    buildah pull --quiet --policy always --signature-policy "$cache/containers/policy.json" --os linux --arch "$architecture" "$(base_tag "$1")"
    return
  fi
  case $1 in
    BUILD) echo "$build_base" ;;
    BASE) base_for "$runtime_base" "$architecture" ;;
    POSTFIX_BASE) echo "$debian_base" ;;
  esac
}

# labels NAME TITLE: arguments of buildah.
labels() {
  local key pair
  for pair in "title=$2" "source=$source" "documentation=$source/blob/v$version/docs/README.md" "url=$source" "version=$version" "revision=$revision" \
    "licenses=$3" 'vendor=The maintainers of Postscreen for Kubernetes' "ref.name=$1"; do
    key=${pair%%=*}
    printf '%s\n' --label "org.opencontainers.image.$key=${pair#*=}"
  done
}

# build_one NAME TITLE LICENCES ARCHITECTURE ARG ARGUMENT…: ARG is that of the image's own base.
build_one() {
  local name=$1 architecture=$4 base=$5 argument arguments
  mapfile -t arguments < <(labels "$1" "$2" "$3")
  [ "$debian_bases" = true ] || arguments+=(--label "org.opencontainers.image.base.name=$(base_tag "$base")")
  for argument in BUILD BASE POSTFIX_BASE; do arguments+=(--build-arg "$argument=$(base_of "$argument" "$architecture")"); done
  bud --pull-never --format oci "${npm_secrets[@]}" --build-arg "TARGETARCH=$architecture" --build-arg "VERSION=$version" "${arguments[@]}" "${@:6}" \
    -t "localhost/release/$name:$architecture" "$tree"
}

# architectures_of NAME: an installation of Postfix runs programs of its architecture, so its base of another one would have to be installed with
# the emulator, which takes ten minutes. With bases of Debian's packages there is only the machine's own.
architectures_of() {
  if [ "$1" = postscreen-postfix ] && [ "$debian_bases" = true ]; then dpkg --print-architecture; else printf '%s\n' "${architectures[@]}"; fi
}

# build_image NAME TITLE LICENCES ARG ARGUMENT…: for every architecture; writes images/NAME.
build_image() {
  local name=$1 architecture ours list=localhost/release/$1:$version
  mapfile -t ours < <(architectures_of "$1")
  for architecture in "${ours[@]}"; do build_one "$name" "$2" "$3" "$architecture" "${@:4}"; done
  buildah manifest rm "$list" >/dev/null 2>&1 || true
  buildah manifest create "$list" >/dev/null
  for architecture in "${ours[@]}"; do
    buildah manifest add --arch "$architecture" --os linux "$list" "localhost/release/$name:$architecture" >/dev/null
  done
  rm -rf "${out:?}/images/$name"
  mkdir -p "$out/images"
  buildah manifest push --all --quiet --format oci --signature-policy "$cache/containers/policy.json" "$list" "oci:$out/images/$name:$version"
}

# digest_of NAME: the digest of the index in images/NAME.
digest_of() { node -p 'JSON.parse(fs.readFileSync(process.argv[1])).manifests[0].digest' "$out/images/$1/index.json"; }

# write_bill NAME: reads the file systems of the images.
write_bill() {
  local name=$1 architecture ours container containers=() roots=()
  mapfile -t ours < <(architectures_of "$1")
  for architecture in "${ours[@]}"; do
    container=$(buildah from --pull-never "localhost/release/$name:$architecture")
    containers+=("$container")
    roots+=("$(buildah mount "$container")")
  done
  (cd "$tree" && npm sbom --package-lock-only --sbom-format cyclonedx) | node "$project/release/sbom.ts" "$name" "$version" "${roots[@]}" >"$out/$name.cdx.json"
  buildah rm "${containers[@]}" >/dev/null
}

build_images() {
  local architecture
  use_own_storage
  for architecture in "$(dpkg --print-architecture)" "${architectures[@]}"; do
    if [ "$debian_bases" = true ]; then need_bases "$architecture"; else enable_emulator "$architecture"; fi
  done
  npm_settings
  step "$log/image-postscreen.log" 'image postscreen' build_image postscreen 'Postscreen for Kubernetes' Apache-2.0 BASE
  step "$log/image-postfix.log" 'image postscreen-postfix' build_image postscreen-postfix 'Postfix behind Postscreen for Kubernetes' \
    'Apache-2.0 AND (IPL-1.0 OR EPL-2.0)' POSTFIX_BASE --target postfix
  step "$log/sbom.log" 'bills of materials' write_bills
}

write_bills() {
  write_bill postscreen
  write_bill postscreen-postfix
}
