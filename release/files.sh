# Writes the files of a release that are made from the chart: the package with its provenance, install.yaml, notes and checksums.
# shellcheck shell=bash disable=SC2154 # release/run sets what it uses

# A keyring of our own for the key that signs the chart; Helm reads the old format.
import_gpg_key() {
  export GNUPGHOME=$scratch/gnupg
  mkdir -m 700 "$GNUPGHOME"
  gpg --batch --quiet --import "$gpg_key" 2>/dev/null || fail "$gpg_key is not a private key that gpg can import"
  fingerprint=$(gpg --batch --with-colons --list-secret-keys | awk -F: '$1 == "fpr" { print $10; exit }')
  [ -n "$fingerprint" ] || fail "$gpg_key has no private key"
  gpg_user=$(gpg --batch --with-colons --list-secret-keys | awk -F: '$1 == "uid" { print $10; exit }')
}

write_release_json() {
  node -e 'const [version, registry, postscreen, postfix, fingerprint, url] = process.argv.slice(1)
    console.log(JSON.stringify({ version, registry, digests: { postscreen, "postscreen-postfix": postfix }, signKey: { fingerprint, url } }, null, 2))' \
    "$version" "$registry" "$(digest_of postscreen)" "$(digest_of postscreen-postfix)" "$fingerprint" "$source/releases/download/v$version/chart-key.asc" >"$out/release.json"
}

package_chart() {
  local passphrase=()
  write_release_json
  node "$tree/release/chart.ts" "$scratch/chart/postscreen" "$out/release.json"
  gpg --batch --pinentry-mode loopback --passphrase "${RELEASE_GPG_PASSPHRASE:-}" --export-secret-keys >"$scratch/keyring.gpg"
  gpg --batch --armor --export >"$out/chart-key.asc"
  if [ -n "${RELEASE_GPG_PASSPHRASE:-}" ]; then
    echo "$RELEASE_GPG_PASSPHRASE" >"$scratch/passphrase"
    passphrase=(--passphrase-file "$scratch/passphrase")
  fi
  helm package "$scratch/chart/postscreen" --destination "$out" --sign --key "$gpg_user" --keyring "$scratch/keyring.gpg" "${passphrase[@]}"
  gpg --batch --export >"$scratch/public.gpg"
  helm verify "$out/postscreen-$version.tgz" --keyring "$scratch/public.gpg"
}

write_install_yaml() {
  helm template postscreen "$out/postscreen-$version.tgz" --namespace postscreen-system | node "$tree/release/plain-manifests.ts" postscreen-system >"$out/install.yaml"
}

# The plugin of kubectl: an archive for each platform, and the manifest for krew.
write_plugin() { node "$tree/release/kubectl-plugin.ts" "$out" "$version" "$source/releases/download/v$version" "${plugin_platforms[@]}"; }

write_notes() { (cd "$tree" && node release/notes.ts "$version") >"$out/notes.md"; }

write_checksums() {
  (cd "$out" && find . -maxdepth 1 -type f ! -name 'SHA256SUMS*' -printf '%P\n' | LC_ALL=C sort | xargs sha256sum) >"$scratch/SHA256SUMS"
  mv "$scratch/SHA256SUMS" "$out/SHA256SUMS"
}
