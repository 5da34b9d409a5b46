# Part of `entrypoint`: a stop that loses nothing. Postfix's own `postfix stop` ends every process at once; a client in the middle of a
# message is then cut off, and has to send it again.

hurry=no

# Still takes new clients for `drain_delay` seconds, until nobody sends more; refuses them with 421 from then on; lets sessions end for up
# to `drain_timeout` seconds; gives the queue `flush_timeout` seconds to empty; stops Postfix. A second SIGTERM cuts the waiting short.
drain() {
  say "stopping: taking new clients for $drain_delay s more"
  : >"$MAIL_CONFIG/draining"
  wait_for "$drain_delay" false
  refuse_new_clients
  say "waiting up to $drain_timeout s for $(sessions) open sessions"
  wait_for "$drain_timeout" no_sessions
  say "waiting up to $flush_timeout s for the queue"
  postqueue -f || true
  # Until the queue manager has looked through the deferred ones.
  nap 1
  wait_for "$flush_timeout" queue_is_quiet
  postfix stop || true
}

# Waits until a command says yes, at most so many seconds, and no longer when Postfix has ended or somebody is in a hurry.
wait_for() {
  left=$1
  while [ "$left" -gt 0 ] && [ $ended = no ] && [ $hurry = no ] && ! "$2"; do
    nap 1
    left=$((left - 1))
  done
}

# Taking a service away would end its running sessions, and so would its stop; a reload does not. So the port stays, and what serves its
# new clients greets them with 421 (RFC 5321 3.8), upon which a gateway tries another backend.
refuse_new_clients() {
  # A parameter of our own: `postconf -P` takes no white space.
  postconf -e 'refuse_clients = check_client_access static:{421 4.3.2 Service shutting down}'
  postconf -M | while read -r service type _ _ _ _ _ command _; do
    [ "$type $command" = 'inet smtpd' ] || continue
    postconf -P "$service/$type/smtpd_delay_reject=no" "$service/$type/smtpd_client_restrictions=\$refuse_clients"
  done
  postfix reload || true
}

# The number of connections to ports that this pod listens on (proc(5): 0A is LISTEN, 01 ESTABLISHED, 08 CLOSE_WAIT).
sessions() {
  awk 'FNR > 1 { port = $2; sub(/.*:/, "", port); if ($4 == "0A") listening[port] = 1; else if ($4 == "01" || $4 == "08") open[port]++ }
    END { for (port in open) if (port in listening) sum += open[port]; print sum + 0 }' /proc/net/tcp /proc/net/tcp6 2>/dev/null || echo 0
}

no_sessions() { [ "$(sessions)" = 0 ]; }

# Nothing under way; what could not be delivered now is deferred, and stays.
queue_is_quiet() {
  queue=$(postconf -h queue_directory)
  [ -z "$(find "$queue/maildrop" "$queue/incoming" "$queue/active" -type f 2>/dev/null | head -n 1)" ]
}
