# Redis of Debian 12, for the tests of the shared allowlist; it listens on every address and keeps nothing unless told otherwise.
ARG BASE
FROM ${BASE}
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends redis-server \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/debconf/*-old /var/log/*
# The names that Valkey's image has.
RUN for name in server cli; do ln -s redis-$name /usr/bin/valkey-$name; done
USER redis
WORKDIR /data
CMD ["valkey-server", "--bind", "*", "--protected-mode", "no"]
