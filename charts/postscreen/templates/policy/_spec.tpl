{{/* policy.spec as YAML, with what the chart itself knows: its own Postfix as the backend, and its own Valkey. */}}
{{- define "postscreen.policySpec" -}}
{{- $spec := deepCopy .Values.policy.spec -}}
{{- if not $spec.backend -}}
{{- if not .Values.postfix.enabled -}}
{{- fail "policy.create needs mail servers to hand clients on to: set policy.spec.backend.service.name (a headless Service in the release's namespace), or policy.spec.backend.addresses, or postfix.enabled=true" -}}
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
