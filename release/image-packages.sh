#!/bin/sh
# Installs what the image needs of npm and Debian; the Dockerfile runs it in the stage `build`, in the folder of package-lock.json.
#   sh image-packages.sh ARCHITECTURE FOLDER
#
# ARCHITECTURE is amd64 or arm64; empty: the machine's own. FOLDER gets the files of the image: Node with its licence, libatomic, and the packages with
# native libraries (packages.ts). /builder/node is the Node that the build itself uses, and node_modules has esbuild.
#
# --ignore-scripts: no package runs an install script; native parts come prebuilt.
set -eu
own=$(dpkg --print-architecture)
target=${1:-$own}
folder=$2

case $target in
  amd64) npm_name=x64 triplet=x86_64-linux-gnu ;;
  arm64) npm_name=arm64 triplet=aarch64-linux-gnu ;;
  *) echo "architecture $target: expected amd64 or arm64" >&2 && exit 1 ;;
esac

install() { npm ci --ignore-scripts --no-audit --no-fund --cache /tmp/npm "$@"; }

# copy_node FROM: the folder of the npm package.
copy_node() {
  mkdir -p "$folder/usr/local/bin" "$folder/usr/local/share/doc/node"
  cp "$1/bin/node" "$folder/usr/local/bin/node"
  cp "$1/LICENSE" "$folder/usr/local/share/doc/node/LICENSE"
}

# libatomic for the machine's own architecture may be there; for another one Debian's package is unpacked.
copy_libatomic() {
  library=/usr/lib/$triplet/libatomic.so.1
  if ! [ -e "$library" ]; then
    mkdir /tmp/libatomic
    [ "$target" = "$own" ] || dpkg --add-architecture "$target"
    apt-get update -qq
    (cd /tmp/libatomic && apt-get -o APT::Sandbox::User=root download -qq "libatomic1:$target" && dpkg-deb -x libatomic1_*.deb .)
    library=/tmp/libatomic$library
  fi
  mkdir -p "$folder/usr/lib/$triplet"
  cp -L "$library" "$folder/usr/lib/$triplet/"
}

# Node finds the packages beside packages.ts, so those of another architecture are installed into a folder of their own.
install_for_target() {
  mkdir -p /target/release
  cp package.json package-lock.json /target/
  cp release/packages.ts /target/release/
  (cd /target && install --omit=dev --os=linux --cpu="$npm_name" --libc=glibc)
}

install
mkdir -p /builder
mv node_modules/node-linux-*/bin/node /builder/node
if [ "$target" = "$own" ]; then
  ln -s /app /target
  cp /builder/node "node_modules/node-linux-$npm_name/bin/node"
else
  install_for_target
fi
copy_node "/target/node_modules/node-linux-$npm_name"
copy_libatomic
rm -rf node_modules/node-linux-* /target/node_modules/node-linux-*
/builder/node /target/release/packages.ts "$folder/app"
chmod -R a+rX,go-w "$folder"
rm -rf /tmp/npm /tmp/libatomic
