# Two images. The default one is for gateway and operator: the TypeScript as it is, production packages, and the Node that package-lock.json names.
# The target `postfix` is the Postfix that the chart can install behind the gateways (charts/images/postfix/).
#
#   docker build -t postscreen .
#   docker build -t postscreen-postfix --target postfix .
#   docker run --read-only -p 2525:2525 -v "$PWD/mx.yaml:/etc/postscreen/policy.yaml:ro" postscreen gateway --policy /etc/postscreen/policy.yaml
#
# BUILD is a Debian with npm (any Node from 20 on); BASE needs glibc and libstdc++ and nothing else: no shell, no Node, no package manager.
# Node also needs libatomic, which comes from BUILD.
# POSTFIX_BASE is a Debian. Behind a registry of your own, npm's settings come in as secrets, which no image keeps:
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

FROM ${BUILD} AS build
WORKDIR /app
COPY package.json package-lock.json ./
# --omit=dev: types, the demo's mail server and @kubernetes/client-node stay out; a pod reads its service account, and static-kubeconfig.ts a kubeconfig.
# --ignore-scripts: no package runs an install script; native parts come prebuilt. Files for compilers and debuggers are deleted.
# test/images/image-packages.test.ts checks that every package that a pod imports is here, and the size.
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=secret,id=ca \
    npm ci --omit=dev --ignore-scripts --no-audit --no-fund --cache /tmp/npm \
 && mkdir -p /packages/usr/local/bin /packages/app \
 && mv node_modules/node-linux-*/bin/node /packages/usr/local/bin/node \
 && { ldconfig -p | grep -q libatomic.so.1 || { apt-get update -qq && apt-get install -y -qq --no-install-recommends libatomic1; }; } \
 && atomic=$(ldconfig -p | awk '/libatomic\.so\.1 / { print $NF; exit }') \
 && libraries=/packages/usr/lib/$(basename "$(dirname "$atomic")") \
 && mkdir -p "$libraries" \
 && cp -L "$atomic" "$libraries/" \
 && rm -rf node_modules/node-linux-* node_modules/.bin /tmp/npm \
 && find node_modules -type f \( -name '*.musl.node' -o -name '*.abi*.node' -o -name '*.map' -o -name '*.d.ts' -o -name '*.d.[cm]ts' \) -delete \
 && mv node_modules /packages/app/node_modules \
 && chmod -R a+rX,go-w /packages
COPY . .
# The image may have no shell and no env, so the command names its interpreter in full; the option's reason is in test/laboratory/gateway-flags.ts.
RUN mkdir -p bin /program/usr/local/bin /program/app \
 && printf '#!/usr/local/bin/node --max-semi-space-size=4\nimport "/app/cli/postscreen.js"\n' > bin/postscreen \
 && chmod 755 bin/postscreen \
 && ln -s /app/bin/postscreen /program/usr/local/bin/postscreen \
 && rm -rf charts \
 && cp -R . /program/app
# Node keeps what it makes of the sources (stripped, compiled) for the next start: half a second and 25 MB less each time. The folder that it looks
# into ends in the number of the user; it is written here, by root, for the user of the image. The gateway loads what it needs when it starts, so it is
# started, its workers too, with a policy that is not there.
RUN cp -R /packages/app/node_modules . \
 && export NODE_COMPILE_CACHE=/program/app/.compiled \
 && /packages/usr/local/bin/node --max-semi-space-size=4 cli/postscreen.js operator --help > /dev/null \
 && ! /packages/usr/local/bin/node --max-semi-space-size=4 cli/postscreen.js gateway --policy /none --workers 2 --data-dir /tmp/none 2> /dev/null \
 && unset NODE_COMPILE_CACHE \
 && for folder in /program/app/.compiled/*-0; do mv "$folder" "${folder%-0}-65532"; done \
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
