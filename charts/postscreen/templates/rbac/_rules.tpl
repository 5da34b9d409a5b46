{{/*
The permissions of the operator in the namespaces of policies. A test compares them with the requests that the API server received.
No access to Secrets: gateways mount the Secrets in their policy, and the kubelet fetches them.
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
  resources: [deployments, daemonsets, statefulsets]
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
