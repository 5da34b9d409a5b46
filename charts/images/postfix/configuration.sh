# Part of `entrypoint`: builds the configuration of Postfix, and creates the directories that it needs.
# shellcheck shell=sh disable=SC2154 # `entrypoint` sets what is used here

# A signature that changes when one of the mounted files changes.
fingerprint() { stat -L -c '%n %i %s %Y' "$settings"/* "$settings"/tls/* 2>/dev/null || true; }

# Builds a complete configuration directory: the defaults of the image, the mounted settings, the certificate, the
# tables.
# Returns its own status: `set -e` has no effect in a function that is called in a condition.
make_configuration() {
  mkdir -p "$1" && chmod 755 "$1" || return 1
  {
    cat "$here/main.cf"
    echo "myhostname = $(fully_qualified "$hostname")"
    certificate_settings
  } >"$1/image.cf" || return 1
  merge parameter "$1/image.cf" "$settings/main.cf" >"$1/main.cf" || return 1
  merge service "$here/master.cf" "$settings/master.cf" >"$1/master.cf" || return 1
  rm "$1/image.cf"
  for table in "$settings"/*; do
    case "${table##*/}" in
      main.cf | master.cf | tls | '*') ;;
      *) make_table "$table" "$1" || return 1 ;;
    esac
  done
  # smtpd accepts no message when less space than this is free (queue_minfree of 0); `health` reports it earlier.
  limit=$(postconf -c "$1" -h message_size_limit) || return 1
  echo $((limit * 3 / 2 / 1024)) >"$1/min-free-kb"
}

merge() {
  how=$1 defaults=$2 mounted=$3
  [ -e "$mounted" ] || mounted=
  # shellcheck disable=SC2086 # empty if the file does not exist
  awk -v key="$how" -f "$here/merge.awk" "$defaults" $mounted
}

# RFC 5321 4.1.1.1 requires a full name in greetings, and Postfix warns about other names.
fully_qualified() { case "$1" in *.*) echo "$1" ;; *) echo "$1.localdomain" ;; esac; }

# A Secret of type kubernetes.io/tls. It may be created after the pod.
certificate_settings() {
  if [ -s "$settings/tls/tls.crt" ] && [ -s "$settings/tls/tls.key" ]; then
    echo "smtpd_tls_chain_files = $settings/tls/tls.key, $settings/tls/tls.crt"
    echo 'smtpd_tls_security_level = may'
  elif [ "${POSTFIX_TLS:-no}" = yes ]; then
    say "warning: $settings/tls does not contain tls.crt and tls.key yet: STARTTLS is not offered" >&2
  fi
}

# A table without a suffix is compiled. A table with a suffix such as .cidr, .pcre or .regexp is used without
# conversion.
make_table() {
  made=$2/${1##*/}
  cat "$1" >"$made" && chgrp postfix "$made" && chmod 640 "$made" || return 1
  case "${made##*/}" in
    *.*) ;;
    *) postmap -c "$2" "lmdb:$made" ;;
  esac
}

# Owners and modes are those of postfix-files(5); Postfix creates what is missing inside. If the user ID of postfix has
# changed with a new image, the files in the queue have the wrong owner: only then, the whole queue is processed.
make_folders() {
  queue=$(postconf -h queue_directory) data=$(postconf -h data_directory) mail=$(postconf -h virtual_mailbox_base)
  owner=$(id -u postfix)
  mkdir -p "$queue" "$data"
  chown root:root "$queue"
  chmod 755 "$queue"
  if [ "$(stat -c %u "$data")" != "$owner" ]; then own_again "$queue" "$data"; fi
  chmod 700 "$data"
  if [ -n "$mail" ]; then
    mkdir -p "$mail"
    chown "$(mailbox_owner)" "$mail"
    chmod 700 "$mail"
  fi
}

# The data directory comes last, because it marks the end of this work.
own_again() {
  for folder in "$1"/*; do
    case "${folder##*/}" in
      '*' | pid | lost+found) ;;
      public | maildrop) chown -R postfix:postdrop "$folder" ;;
      *) chown -R postfix:root "$folder" ;;
    esac
  done
  chown -R postfix:postfix "$2"
}

# The UID:GID of the mailboxes of virtual(8), if they have a single owner.
mailbox_owner() {
  uid=$(postconf -h virtual_uid_maps) gid=$(postconf -h virtual_gid_maps)
  echo "${uid#static:}:${gid#static:}"
}

# A changed ConfigMap or Secret is applied without a restart, unless Postfix cannot read it.
follow_configuration() {
  seen=$(fingerprint)
  [ "$seen" != "$current" ] || return 0
  current=$seen
  next=$MAIL_CONFIG/next
  rm -rf "$next"
  if make_configuration "$next" && postfix -c "$next" check; then
    for file in "$next"/*; do mv -f "$file" "$MAIL_CONFIG/"; done
    rm -rf "$next"
    say 'the configuration has changed: reloading'
    postfix reload || say 'warning: reload failed'
  else
    rm -rf "$next"
    say 'warning: the changed configuration is not valid; the last good one stays in use'
  fi
}
