{{/* policy.spec as YAML, with what the chart itself knows: its own Postfix as the backend, its own Valkey, and the Secrets to pull the image with. */}}
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
{{- if and .Values.imagePullSecrets (hasKey $spec "gateway") -}}
{{- $gateway := default dict $spec.gateway -}}
{{- $image := default dict $gateway.image -}}
{{- if not (hasKey $image "pullSecrets") -}}
{{- $names := list -}}
{{- range .Values.imagePullSecrets -}}
{{- $names = append $names .name -}}
{{- end -}}
{{- $_ := set $image "pullSecrets" $names -}}
{{- $_ := set $gateway "image" $image -}}
{{- $_ := set $spec "gateway" $gateway -}}
{{- end -}}
{{- end -}}
{{- toYaml $spec -}}
{{- end -}}

{{- define "postscreen.policyConfigMapName" -}}
{{- printf "%s-policy-%s" (include "postscreen.fullname" .) .Values.policy.name -}}
{{- end -}}

{{- define "postscreen.policyJobName" -}}
{{- printf "%s-policy" (include "postscreen.fullname" .) -}}
{{- end -}}
