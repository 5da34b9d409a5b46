# Two images. The default one is for gateway and operator: a bundle of the program, packages with native libraries, and the Node that
# package-lock.json names.
# The target `postfix` is the Postfix that the chart can install behind the gateways (charts/images/postfix/).
#
#   docker build -t postscreen .
#   docker build -t postscreen-postfix --target postfix .
#   docker run --read-only -p 2525:2525 -v "$PWD/mx.yaml:/etc/postscreen/policy.yaml:ro" postscreen gateway --policy /etc/postscreen/policy.yaml
#
# BUILD is a Debian with npm (any Node from 20 on); BASE needs glibc and libstdc++ and nothing else: no shell, no Node, no package manager.
# Node also needs libatomic, which comes from Debian's packages.
# POSTFIX_BASE is a Debian. release/run passes all three by digest.
# For another architecture (--platform linux/arm64) the stage `build` runs on the machine's own. It runs the other Node only to fill its compile
# cache, where the machine has an emulator (binfmt_misc); elsewhere the image has no compile cache. Postfix needs the emulator.
# Behind a registry of your own, npm's settings come in as secrets, which no image keeps:
#   docker build --secret id=npmrc,src=$HOME/.npmrc --secret id=ca,src=/etc/ssl/certs/ca-certificates.crt …   (cafile=/run/secrets/ca)
ARG BUILD=docker.io/library/node:24-bookworm-slim
ARG BASE=gcr.io/distroless/cc-debian12:nonroot
ARG POSTFIX_BASE=docker.io/library/debian:bookworm-slim

FROM ${POSTFIX_BASE} AS postfix
# A base that has it all already needs no Debian mirror.
RUN postconf -m 2>/dev/null | grep -qx lmdb || { \
      apt-get update -qq \
      && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postfix postfix-lmdb postfix-pcre libsasl2-modules ca-certificates \
      && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/debconf/*-old /var/log/*; \
    }
COPY charts/images/postfix/ /usr/local/lib/postfix-image/
ENTRYPOINT ["/usr/local/lib/postfix-image/entrypoint"]

FROM ${BASE} AS runtime

FROM --platform=$BUILDPLATFORM ${BUILD} AS build
ARG TARGETARCH
WORKDIR /app
COPY package.json package-lock.json ./
COPY release/packages.ts release/image-packages.sh release/
# --ignore-scripts: no package runs an install script; native parts come prebuilt. The packages for development bring esbuild; the image gets only
# packages with native libraries (release/packages.ts), since all others are part of the bundle. A pod reads its service account, and
# static-kubeconfig.ts a kubeconfig, so @kubernetes/client-node stays out.
# test/images/image-files.test.ts checks what a pod loads, and the size.
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=secret,id=ca \
    sh release/image-packages.sh "$TARGETARCH" /packages
COPY . .
# What `npm run build` does too: JavaScript in a few files. The image may have no shell and no env, so the command names its interpreter in full; the
# option's reason is in test/laboratory/gateway-flags.ts. VERSION is the version of a release; empty: the one in package.json.
ARG VERSION=
RUN VERSION="$VERSION" /builder/node release/bundle.ts /program/app \
 && mkdir -p /program/app/bin /program/usr/local/bin \
 && printf '#!/usr/local/bin/node --max-semi-space-size=4\nimport "/app/program/postscreen.js"\n' > /program/app/bin/postscreen \
 && chmod 755 /program/app/bin/postscreen \
 && ln -s /app/bin/postscreen /program/usr/local/bin/postscreen \
 && cp LICENSE /program/app/
# Node keeps the code that it compiles for the next start. It knows a file by its path, so the program runs at its place in the image. The folder that
# it looks into ends in the number of the user; it is written here, by root, for the user of the image.
# QEMU_LD_PREFIX is where an emulator finds the libraries of another architecture.
COPY --from=runtime / /runtime
RUN export QEMU_LD_PREFIX=/runtime; \
    cp -R /packages/usr/lib/. /runtime/usr/lib/; \
    if ! /packages/usr/local/bin/node --version; then echo 'no compile cache: this machine cannot run the Node of the image' >&2; else \
      cp -R /program/app/. . \
      && rm -rf node_modules && cp -R /packages/app/node_modules . \
      && /packages/usr/local/bin/node release/fill-compile-cache.ts /app/program/postscreen.js /program/app/.compiled \
      && for folder in /program/app/.compiled/*-0; do mv "$folder" "${folder%-0}-65532"; done; \
    fi \
 && chmod -R a+rX,go-w /program

FROM ${BASE}
# Two layers: what every release changes is small.
COPY --from=build /packages /
COPY --from=build /program /
# A number, so that Kubernetes can see that it is not root (runAsNonRoot).
USER 65532:65532
WORKDIR /app
# MALLOC_ARENA_MAX: by itself glibc keeps up to eight heaps for each core, of which threads that come and go fill each a little.
ENV NODE_ENV=production NODE_COMPILE_CACHE=/app/.compiled MALLOC_ARENA_MAX=2
# SMTP, /healthz /readyz /metrics /status of the gateway, and /healthz /readyz /metrics of the operator.
EXPOSE 2525 2580 8080
ENTRYPOINT ["/usr/local/bin/postscreen"]
CMD ["--help"]
