{{/* policy.spec as YAML, with the chart's own Postfix as the backend and the chart's own Valkey if they are enabled. */}}
{{- define "postscreen.policySpec" -}}
{{- $spec := deepCopy .Values.policy.spec -}}
{{- if not $spec.backend -}}
{{- if not .Values.postfix.enabled -}}
{{- fail "policy.create needs mail servers: set policy.spec.backend.service.name (a headless Service in the namespace of the release), or policy.spec.backend.addresses, or postfix.enabled=true" -}}
{{- end -}}
{{- $_ := set $spec "backend" (dict "service" (dict "name" (include "postscreen.postfixName" .) "port" 10025)) -}}
{{- end -}}
{{- $allowlist := default dict $spec.allowlist -}}
{{- if and .Values.valkey.enabled (not (hasKey $allowlist "store")) (not (hasKey $allowlist "valkey")) -}}
{{- $_ := set $spec "allowlist" (mergeOverwrite (deepCopy $allowlist) (include "postscreen.valkeyAllowlist" . | fromYaml)) -}}
{{- end -}}
{{- toYaml $spec -}}
{{- end -}}

{{- define "postscreen.policyConfigMapName" -}}
{{- printf "%s-policy-%s" (include "postscreen.fullname" .) .Values.policy.name -}}
{{- end -}}

{{- define "postscreen.policyJobName" -}}
{{- printf "%s-policy" (include "postscreen.fullname" .) -}}
{{- end -}}
