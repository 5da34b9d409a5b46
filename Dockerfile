# One image for gateway and operator: the TypeScript as it is, production packages, and the Node that package-lock.json names.
#
#   docker build -t postscreen .
#   docker run --read-only -p 2525:2525 -v "$PWD/mx.yaml:/etc/postscreen/policy.yaml:ro" postscreen gateway --policy /etc/postscreen/policy.yaml
#
# BUILD needs npm (any Node from 20 on); BASE needs glibc and libstdc++ and nothing else: no shell, no Node, no package manager.
ARG BUILD=docker.io/library/node:24-bookworm-slim
ARG BASE=gcr.io/distroless/cc-debian12:nonroot

FROM ${BUILD} AS build
WORKDIR /app
COPY package.json package-lock.json ./
# --ignore-scripts: nobody's install script runs; native parts come prebuilt. Node's headers and documents are left behind.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
 && mkdir -p /image/usr/local/bin /image/app \
 && mv node_modules/node-linux-*/bin/node /image/usr/local/bin/node \
 && rm -rf node_modules/node-linux-* node_modules/.bin \
 && find node_modules -name '*.musl.node' -delete
COPY . .
# The image may have no shell and no env, so the command names its interpreter in full.
RUN mkdir bin \
 && printf '#!/usr/local/bin/node\nimport "/app/cli/postscreen.js"\n' > bin/postscreen \
 && chmod 755 bin/postscreen \
 && ln -s /app/bin/postscreen /image/usr/local/bin/postscreen \
 && cp -R . /image/app \
 && chmod -R a+rX,go-w /image

FROM ${BASE}
COPY --from=build /image /
# A number, so that Kubernetes can see that it is not root (runAsNonRoot).
USER 65532:65532
WORKDIR /app
ENV NODE_ENV=production
# SMTP, and /healthz /readyz /metrics /status.
EXPOSE 2525 2580
ENTRYPOINT ["/usr/local/bin/postscreen"]
CMD ["--help"]
