{{/* Parts that Postfix and Valkey share. */}}

{{/* Labels of their pods. Without the version of the chart, so that a new chart with the same image does not restart pods. Call: (list $ "postfix") */}}
{{- define "postscreen.serverPodLabels" -}}
{{- $root := index . 0 -}}
{{ include "postscreen.selectorLabels" . }}
app.kubernetes.io/part-of: postscreen
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The pods of gateways, as the `from` of a NetworkPolicy: in the namespace of the release and in the given namespaces. Call: (list $ NAMESPACES) */}}
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
        values: {{ prepend (index . 1) (include "postscreen.namespace" $root) | uniq | toJson }}
{{- end -}}
