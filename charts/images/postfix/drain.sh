# Part of `entrypoint`: a graceful stop. Postfix's own `postfix stop` ends all processes at once, so a client in the
# middle of a message is disconnected and must send it again.
# shellcheck shell=sh disable=SC2154 # `entrypoint` sets what is used here

hurry=no

# Accepts new clients for `drain_delay` seconds, until no more clients connect, and refuses them with 421 after that.
# Waits up to `drain_timeout` seconds for sessions and up to `flush_timeout` seconds for the queue, then stops Postfix.
# A second SIGTERM ends the wait.
drain() {
  say "stopping: accepting new clients for $drain_delay s more"
  : >"$MAIL_CONFIG/draining"
  wait_for "$drain_delay" false
  refuse_new_clients
  say "waiting up to $drain_timeout s for $(sessions) open sessions"
  wait_for "$drain_timeout" no_sessions
  say "waiting up to $flush_timeout s for the queue"
  postqueue -f || true
  # Until the queue manager has tried the deferred messages.
  nap 1
  wait_for "$flush_timeout" queue_is_quiet
  postfix stop || true
}

# Waits until a command succeeds, at most for a number of seconds. Ends early if Postfix has ended or a second signal
# arrives.
wait_for() {
  left=$1
  while [ "$left" -gt 0 ] && [ "$ended" = no ] && [ $hurry = no ] && ! "$2"; do
    nap 1
    left=$((left - 1))
  done
}

# Removing a service would end its running sessions, and so would stopping it; a reload does not. So the port stays
# open, and its service greets new clients with 421 (RFC 5321 3.8); a gateway then tries another mail server.
refuse_new_clients() {
  # A parameter for this purpose, because `postconf -P` does not accept white space.
  postconf -e 'refuse_clients = check_client_access static:{421 4.3.2 Service shutting down}'
  postconf -M | while read -r service type _ _ _ _ _ command _; do
    [ "$type $command" = 'inet smtpd' ] || continue
    postconf -P "$service/$type/smtpd_delay_reject=no" "$service/$type/smtpd_client_restrictions=\$refuse_clients"
  done
  postfix reload || true
}

# The number of connections to ports on which this pod listens (proc(5): 0A is LISTEN, 01 ESTABLISHED, 08 CLOSE_WAIT).
sessions() {
  awk 'FNR > 1 { port = $2; sub(/.*:/, "", port); if ($4 == "0A") listening[port] = 1; else if ($4 == "01" || $4 == "08") open[port]++ }
    END { for (port in open) if (port in listening) sum += open[port]; print sum + 0 }' /proc/net/tcp /proc/net/tcp6 2>/dev/null || echo 0
}

no_sessions() { [ "$(sessions)" = 0 ]; }

# The queue is idle. Messages that could not be delivered are deferred and stay in the queue.
queue_is_quiet() {
  queue=$(postconf -h queue_directory)
  [ -z "$(find "$queue/maildrop" "$queue/incoming" "$queue/active" -type f 2>/dev/null | head -n 1)" ]
}
