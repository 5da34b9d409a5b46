{{/*
"yes" if objects of an optional API are rendered; otherwise empty. Call: (list $ "monitoring.coreos.com/v1" .Values.serviceMonitor "serviceMonitor")
If the API is missing, Helm would refuse the whole release ("no matches for kind"). renderMode decides what to do.
*/}}
{{- define "postscreen.rendered" -}}
{{- $root := index . 0 -}}
{{- $api := index . 1 -}}
{{- $values := index . 2 -}}
{{- if $values.enabled -}}
{{- if or (eq $values.renderMode "alwaysRender") ($root.Capabilities.APIVersions.Has $api) -}}
yes
{{- else if eq $values.renderMode "failIfMissing" -}}
{{- fail (printf "%s.enabled needs the API %s, which the cluster does not have: install the Prometheus operator first, or set %s.renderMode to skipIfMissing" (index . 3) $api (index . 3)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The settings that ServiceMonitor and PodMonitor share. */}}
{{- define "postscreen.endpoint" -}}
path: /metrics
{{- with .interval }}
interval: {{ . }}
{{- end }}
{{- with .scrapeTimeout }}
scrapeTimeout: {{ . }}
{{- end }}
{{- with .metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
