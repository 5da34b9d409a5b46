{{/* Names of the objects of Valkey. */}}

{{- define "postscreen.valkeyName" -}}
{{- printf "%s-valkey" (include "postscreen.fullname" .) -}}
{{- end -}}

{{- define "postscreen.valkeyServiceAccountName" -}}
{{- if .Values.valkey.serviceAccount.create -}}
{{- default (include "postscreen.valkeyName" .) .Values.valkey.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.valkey.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* The Secret with the password. */}}
{{- define "postscreen.valkeySecretName" -}}
{{- default (include "postscreen.valkeyName" .) .Values.valkey.auth.existingSecret -}}
{{- end -}}

{{- define "postscreen.valkeyPasswordKey" -}}
{{- ternary .Values.valkey.auth.existingSecretPasswordKey "password" (ne .Values.valkey.auth.existingSecret "") -}}
{{- end -}}

{{/* The spec.allowlist of a policy that uses this Valkey, in the namespace of the release, as YAML. */}}
{{- define "postscreen.valkeyAllowlist" -}}
store: Valkey
valkey:
  addresses:
    - {{ include "postscreen.valkeyName" . }}.{{ include "postscreen.namespace" . }}.svc:6379
  {{- if .Values.valkey.auth.enabled }}
  passwordSecret:
    name: {{ include "postscreen.valkeySecretName" . }}
    key: {{ include "postscreen.valkeyPasswordKey" . }}
  {{- end }}
{{- end -}}
