// The Helm template of the CRD: the manifest of crd.ts, with the chart's values `crds.enabled` and `crds.keep`.
import { dump } from 'js-yaml'
import { crd } from '../crd.ts'

/** Texts and CEL rules may contain braces that are not Helm's. A template that prints two braces replaces them. */
const literal = (yaml: string): string => yaml.replaceAll('{{', () => '{{ "{{" }}')

/** @param head the comment that says how the file is generated */
export function chartCrd(head: string): string {
  const { apiVersion, kind, metadata, spec } = crd()
  const rest = literal(dump({ spec }, { lineWidth: 140, noRefs: true }))
  return `{{- if .Values.crds.enabled }}
${head}apiVersion: ${apiVersion}
kind: ${kind}
metadata:
  name: ${metadata.name}
  labels:
    {{- include "postscreen.labels" (list . "crds") | nindent 4 }}
  {{- $keep := ternary (dict "helm.sh/resource-policy" "keep") dict .Values.crds.keep }}
  {{- include "postscreen.annotations" (list . $keep 2) }}
${rest}{{- end }}
`
}
