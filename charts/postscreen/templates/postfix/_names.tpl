{{/* Names, and parts of the configuration of Postfix. */}}

{{- define "postscreen.postfixName" -}}
{{- printf "%s-postfix" (include "postscreen.fullname" .) -}}
{{- end -}}

{{- define "postscreen.postfixServiceAccountName" -}}
{{- if .Values.postfix.serviceAccount.create -}}
{{- default (include "postscreen.postfixName" .) .Values.postfix.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.postfix.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* Checks that values.schema.json cannot express. */}}
{{- define "postscreen.postfixProblems" -}}
{{- $postfix := .Values.postfix -}}
{{- if and $postfix.domains (not $postfix.relayTo) (gt (int $postfix.replicaCount) 1) -}}
{{- fail "postfix.replicaCount: each Postfix pod has its own volume, so each mailbox would be spread over all of them. Set postfix.relayTo to the server with the mailboxes, or postfix.replicaCount=1" -}}
{{- end -}}
{{- range $postfix.recipients -}}
{{- $domain := splitList "@" . | last | lower -}}
{{- if not (has $domain $postfix.domains) -}}
{{- fail (printf "postfix.recipients: the domain of %s is not in postfix.domains" .) -}}
{{- end -}}
{{- end -}}
{{- if and $postfix.relayTo (not $postfix.domains) -}}
{{- fail "postfix.relayTo needs postfix.domains: the domains whose mail it receives" -}}
{{- end -}}
{{- end -}}

{{/* A value of main.cf. Numbers in values files are floating point, and Postfix does not accept 1e+07. A line break would end the entry. */}}
{{- define "postscreen.postfixSetting" -}}
{{- if kindIs "bool" . -}}
{{- ternary "yes" "no" . -}}
{{- else if kindIs "float64" . -}}
{{- int64 . -}}
{{- else -}}
{{- toString . | trim | replace "\n" "\n    " -}}
{{- end -}}
{{- end -}}

{{/* The main.cf that replaces settings of the image. */}}
{{- define "postscreen.postfixMainCf" -}}
{{- $postfix := .Values.postfix -}}
message_size_limit = {{ int64 $postfix.messageSizeLimit }}
{{- with $postfix.mynetworks }}
mynetworks = {{ join " " . }}
{{- end }}
{{- with $postfix.relayhost }}
relayhost = {{ . }}
{{- end }}
{{- if and $postfix.domains $postfix.relayTo }}
relay_domains = {{ join " " $postfix.domains }}
relay_transport = {{ $postfix.relayTo }}
{{- if $postfix.recipients }}
relay_recipient_maps = lmdb:${config_directory}/recipients
{{- else if $postfix.verifyRecipients }}
smtpd_recipient_restrictions = reject_unverified_recipient
{{- end }}
{{- else if $postfix.domains }}
virtual_mailbox_domains = {{ join " " $postfix.domains }}
virtual_mailbox_maps = lmdb:${config_directory}/recipients
{{- end }}
{{- range $name, $value := $postfix.extraMainCf }}
{{ $name }} = {{ include "postscreen.postfixSetting" $value }}
{{- end }}
{{ end -}}

{{/* The table of recipients: address and Maildir. `@DOMAIN` means all other addresses, which share the mailbox of the postmaster (required by RFC 5321 4.5.1). */}}
{{- define "postscreen.postfixRecipients" -}}
{{- $recipients := .Values.postfix.recipients -}}
{{- if not $recipients -}}
{{- range .Values.postfix.domains -}}
{{- $recipients = append $recipients (printf "@%s" .) -}}
{{- end -}}
{{- end -}}
{{- range $recipients -}}
{{- $user := splitList "@" . | first | lower | default "postmaster" -}}
{{- lower . }} {{ splitList "@" . | last | lower }}/{{ $user }}/
{{ end -}}
{{- end -}}
