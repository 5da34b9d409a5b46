# Pushes and signs what a release consists of.
# shellcheck shell=bash disable=SC2154 # release/run sets what it uses

# Only a registry on this machine is spoken to without TLS.
is_local() { [[ $registry =~ ^(localhost|127\.[0-9.]+|\[::1\])(:[0-9]+)?(/|$) ]]; }

# tag_exists REPOSITORY: fails the release if the registry cannot tell.
tag_exists() {
  local said
  if said=$(crane digest "$registry/$1:$version" 2>&1); then return 0; fi
  [[ $said =~ MANIFEST_UNKNOWN|NAME_UNKNOWN|NOT_FOUND|'404 Not Found' ]] || fail "$registry does not answer: $said"
  return 1
}

refuse_existing() {
  local name
  for name in postscreen postscreen-postfix charts/postscreen; do
    if tag_exists "$name"; then fail "$registry/$name:$version exists already; a release is never replaced"; fi
  done
}

push_images() {
  local name
  for name in postscreen postscreen-postfix; do crane push "$out/images/$name" "$registry/$name:$version"; done
}

# The package with its provenance.
push_chart() {
  local plain=()
  if is_local; then plain=(--plain-http); fi
  helm push "$out/postscreen-$version.tgz" "oci://$registry/charts" --registry-config "$HOME/.docker/config.json" "${plain[@]}"
  [ -z "$artifact_hub" ] || push_artifact_hub_file "${plain[@]}"
}

# The tag by which Artifact Hub knows the publisher.
push_artifact_hub_file() {
  mkdir -p "$scratch/artifact-hub"
  printf '%s\n' "$artifact_hub" >"$scratch/artifact-hub/artifacthub-repo.yml"
  (cd "$scratch/artifact-hub" && oras push "$@" "$registry/charts/postscreen:artifacthub.io" --config /dev/null:application/vnd.cncf.artifacthub.config.v1+yaml \
    artifacthub-repo.yml:application/vnd.cncf.artifacthub.repository-metadata.layer.v1.yaml)
}

# cosign_with SUBCOMMAND ARGUMENT…: with the key and nothing else, or with the identity of the workflow and the public log.
cosign_with() {
  local subcommand=$1 how=(--yes)
  shift
  if [ -n "$cosign_key" ]; then how+=(--key "$cosign_key" --tlog-upload=false); fi
  [ "$subcommand" = sign-blob ] || ! is_local || how+=(--allow-http-registry)
  cosign "$subcommand" "${how[@]}" "$@"
}

sign_in_registry() {
  local name digest
  for name in postscreen postscreen-postfix; do
    digest=$(digest_of $name)
    cosign_with sign --recursive "$registry/$name@$digest"
    cosign_with attest --type cyclonedx --predicate "$out/$name.cdx.json" "$registry/$name@$digest"
  done
  cosign_with sign "$registry/charts/postscreen@$(crane digest "$registry/charts/postscreen:$version")"
}

# One signature for all files: that of their checksums.
sign_files() {
  if [ -n "$cosign_key" ]; then
    cosign_with sign-blob --output-signature "$out/SHA256SUMS.sig" "$out/SHA256SUMS"
    cosign public-key --key "$cosign_key" --outfile "$out/cosign.pub"
    chmod 644 "$out/SHA256SUMS.sig" "$out/cosign.pub"
  else
    cosign_with sign-blob --bundle "$out/SHA256SUMS.bundle" "$out/SHA256SUMS"
  fi
}

publish() {
  step "$log/push-images.log" "pushing the images to $registry" push_images
  step "$log/push-chart.log" 'pushing the chart' push_chart
  step "$log/sign.log" 'signing images and chart' sign_in_registry
}
