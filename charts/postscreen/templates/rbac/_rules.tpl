{{/*
What the operator does in the namespaces of policies, and nothing beyond: a test compares it with what the API server was asked for.
No Secrets: gateways mount those that their policy names, and the kubelet fetches them.
*/}}
{{- define "postscreen.operatorRules" -}}
- apiGroups: [postscreen.dev]
  resources: [postscreenpolicies]
  verbs: [list, watch]
- apiGroups: [postscreen.dev]
  resources: [postscreenpolicies/status]
  verbs: [patch]
- apiGroups: ['']
  resources: [configmaps, services, serviceaccounts]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: ['']
  resources: [pods]
  verbs: [list, watch, patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch, create, patch, delete]
{{- end -}}
