{{/* Names and labels that several templates use. */}}

{{/* The prefix of the names of objects. At most 40 characters, which leaves room for suffixes such as -operator-metrics within 63. */}}
{{- define "postscreen.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The namespace of the objects of the release. */}}
{{- define "postscreen.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride -}}
{{- end -}}

{{- define "postscreen.operatorName" -}}
{{- printf "%s-operator" (include "postscreen.fullname" .) -}}
{{- end -}}

{{/* The name of cluster-scoped objects. Two releases in two namespaces may have the same name. */}}
{{- define "postscreen.clusterName" -}}
{{- if eq (include "postscreen.namespace" .) (include "postscreen.fullname" .) -}}
{{- include "postscreen.operatorName" . -}}
{{- else -}}
{{- printf "%s-%s" (include "postscreen.namespace" .) (include "postscreen.operatorName" .) | trunc 200 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "postscreen.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "postscreen.operatorName" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/*
The labels that select pods. Call: (list $ "operator"). The selector of a Deployment cannot be changed later, so do not add labels here.
The name is fixed: the NetworkPolicy of gateways, which the operator creates, selects the operator by it.
*/}}
{{- define "postscreen.selectorLabels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: postscreen
app.kubernetes.io/instance: {{ $root.Release.Name | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* The labels of every object. Call: (list $ "operator") */}}
{{- define "postscreen.labels" -}}
{{- $root := index . 0 -}}
{{ include "postscreen.selectorLabels" . }}
app.kubernetes.io/part-of: postscreen
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The annotations of an object, with their key and a line break in front; empty if there are none. Call: (list $ ANNOTATIONS INDENT) */}}
{{- define "postscreen.annotations" -}}
{{- $root := index . 0 -}}
{{- $indent := index . 2 -}}
{{- with mergeOverwrite (deepCopy $root.Values.commonAnnotations) (deepCopy (index . 1)) -}}
{{- dict "annotations" . | toYaml | nindent (int $indent) -}}
{{- end -}}
{{- end -}}

{{/* A repository, with its registry replaced by global.imageRegistry if that is set. As in docker, the first part is a host if it looks like one. Call: (list $ REPOSITORY) */}}
{{- define "postscreen.repository" -}}
{{- $registry := (index . 0).Values.global.imageRegistry -}}
{{- $parts := splitList "/" (index . 1) -}}
{{- if not $registry -}}
{{- index . 1 -}}
{{- else if and (gt (len $parts) 1) (regexMatch "[.:]|^localhost$" (first $parts)) -}}
{{- printf "%s/%s" $registry (rest $parts | join "/") -}}
{{- else -}}
{{- printf "%s/%s" $registry (index . 1) -}}
{{- end -}}
{{- end -}}

{{/* repository:tag, or repository@digest. Call: (list $ .Values.image) */}}
{{- define "postscreen.image" -}}
{{- $root := index . 0 -}}
{{- $image := index . 1 -}}
{{- $repository := include "postscreen.repository" (list $root $image.repository) -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default $root.Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end -}}

{{/* The names of the Secrets for pulling images, as a JSON list without duplicates: global ones first. */}}
{{- define "postscreen.pullSecretNames" -}}
{{- $names := list -}}
{{- range concat (default list .Values.global.imagePullSecrets) (default list .Values.imagePullSecrets) -}}
{{- $names = append $names (ternary . (get (ternary dict . (kindIs "string" .)) "name") (kindIs "string" .)) -}}
{{- end -}}
{{- uniq $names | toJson -}}
{{- end -}}

{{/* The field imagePullSecrets of a pod, with a line break in front; empty if there are none. Call: (list $ INDENT) */}}
{{- define "postscreen.imagePullSecrets" -}}
{{- $secrets := list -}}
{{- range include "postscreen.pullSecretNames" (index . 0) | fromJsonArray -}}
{{- $secrets = append $secrets (dict "name" .) -}}
{{- end -}}
{{- with $secrets -}}
{{- dict "imagePullSecrets" . | toYaml | nindent (int (index $ 1)) -}}
{{- end -}}
{{- end -}}

{{/* The field storageClassName of a claim, with a line break in front; empty for the default class of the cluster. Call: (list $ STORAGE_CLASS INDENT) */}}
{{- define "postscreen.storageClass" -}}
{{- with default (index . 0).Values.global.defaultStorageClass (index . 1) -}}
{{- printf "storageClassName: %s" (quote .) | nindent (int (index $ 2)) -}}
{{- end -}}
{{- end -}}

{{/* The image of gateways whose policy does not set one: the image of the operator, modified by gateway.image. */}}
{{- define "postscreen.gatewayImage" -}}
{{- $image := dict "repository" (default .Values.image.repository .Values.gateway.image.repository) "tag" .Values.gateway.image.tag "digest" .Values.gateway.image.digest -}}
{{- if not (or $image.tag $image.digest) -}}
{{- $image = mergeOverwrite $image (pick .Values.image "tag" "digest") -}}
{{- end -}}
{{- include "postscreen.image" (list . $image) -}}
{{- end -}}

{{/* "true" if the cluster assigns the users of pods, as OpenShift does. Call: $ */}}
{{- define "postscreen.usersAreAssigned" -}}
{{- if or (eq .Values.podUsers "assigned") (and (eq .Values.podUsers "auto") (.Capabilities.APIVersions.Has "security.openshift.io/v1")) -}}
true
{{- end -}}
{{- end -}}

{{/* The security context of a pod, without the users and groups that the cluster assigns; empty if nothing is left. Call: (list $ CONTEXT) */}}
{{- define "postscreen.podSecurityContext" -}}
{{- $context := default dict (index . 1) -}}
{{- if include "postscreen.usersAreAssigned" (index . 0) -}}
{{- $context = omit $context "runAsUser" "runAsGroup" "fsGroup" "fsGroupChangePolicy" -}}
{{- end -}}
{{- with $context -}}
{{- toYaml . -}}
{{- end -}}
{{- end -}}
