{{/* What Postfix and Valkey have in common. */}}

{{/* Labels of their pods. Not the chart's version: a new chart with the same image restarts nobody. Call: (list $ "postfix") */}}
{{- define "postscreen.serverPodLabels" -}}
{{- $root := index . 0 -}}
{{ include "postscreen.selectorLabels" . }}
app.kubernetes.io/part-of: postscreen
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The pods of gateways, as a NetworkPolicy's `from`: those in the release's namespace and in the given ones. Call: (list $ NAMESPACES) */}}
{{- define "postscreen.gatewayPeers" -}}
{{- $root := index . 0 -}}
- podSelector:
    matchLabels:
      app.kubernetes.io/name: postscreen
      app.kubernetes.io/component: gateway
  namespaceSelector:
    matchExpressions:
      - key: kubernetes.io/metadata.name
        operator: In
        values: {{ prepend (index . 1) $root.Release.Namespace | uniq | toJson }}
{{- end -}}
