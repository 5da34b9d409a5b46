// The Helm template of the CRD: the manifest of crd.ts behind the chart's values `crds.enabled` and `crds.keep`.
import { dump } from 'js-yaml'
import { crd } from '../crd.ts'

/** Texts and CEL rules may have braces that are not Helm's: a template that prints two braces stands for them. */
const literal = (yaml: string): string => yaml.replaceAll('{{', () => '{{ "{{" }}')

/** @param head the comment that says where the file comes from */
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
