{{/* The release's name, which is that of the StatefulSet and its pods. */}}
{{- define "weir.name" -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- end }}

{{- define "weir.image" -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end }}

{{/* What selects the pods: never changes for the life of a release. */}}
{{- define "weir.selector" -}}
app: {{ .Values.app }}
app.kubernetes.io/name: weir
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "weir.labels" -}}
{{ include "weir.selector" . }}
app.kubernetes.io/part-of: weir
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "weir.simulator.selector" -}}
app.kubernetes.io/name: weir-simulator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* What a container may not do: everything that it does not need. */}}
{{- define "weir.confined" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* A value in TOML's words, a table within braces. What JSON writes of texts, numbers and truths is TOML too. */}}
{{- define "weir.value" -}}
{{- if kindIs "map" . -}}
{ {{- $table := . }}{{ range $index, $key := keys . | sortAlpha }}{{ if $index }},{{ end }} {{ include "weir.key" $key }} = {{ include "weir.value" (index $table $key) }}{{ end }} }
{{- else if kindIs "slice" . -}}
[{{ range $index, $one := . }}{{ if $index }}, {{ end }}{{ include "weir.value" $one }}{{ end }}]
{{- else -}}
{{ . | toJson }}
{{- end -}}
{{- end }}

{{- define "weir.key" -}}
{{ if regexMatch "^[A-Za-z0-9_-]+$" . }}{{ . }}{{ else }}{{ . | toJson }}{{ end }}
{{- end }}

{{/* weir.toml. The chart's settings with the operator's over them, each on a line of its own; then the operator's own text, then
     providers. */}}
{{- define "weir.toml" -}}
{{- $admin := dict "listen" "0.0.0.0:4001" -}}
{{- if .Values.admin.tokenSecret.name }}{{ $_ := set $admin "token" "file:/etc/weir-token/token" }}{{ end -}}
{{- if .Values.admin.tokens }}{{ $_ := set $admin "tokens" .Values.admin.tokens }}{{ end -}}
{{- if not .Values.admin.openMetrics }}{{ $_ := set $admin "open_metrics" false }}{{ end -}}
{{- $journal := dict "max_bytes" .Values.persistence.journalMaxBytes "keep" .Values.persistence.journalKeep -}}
{{- $all := dict "listen" "0.0.0.0:4000" "admin" $admin "data_dir" "/var/lib/weir" "instance" "env:POD_NAME" "journal" $journal -}}
{{- $_ := set $all "stdout" .Values.stdout -}}
{{- $_ := set $all "durability" .Values.durability -}}
{{- $_ := set $all "shutdown_grace" (printf "%vs" .Values.shutdownGraceSeconds) -}}
{{- $_ := set $all "body_memory" .Values.bodyMemory -}}
{{- if .Values.query.backend }}{{ $_ := set $all "query" (dict "backend" .Values.query.backend) }}{{ end -}}
{{- if .Values.tls.secretName }}{{ $_ := set $all "tls" (dict "cert" "/etc/weir-tls/tls.crt" "key" "/etc/weir-tls/tls.key") }}{{ end -}}
{{- $all = mergeOverwrite $all (deepCopy .Values.settings) -}}
{{- range $name := keys $all | sortAlpha }}
{{- $value := index $all $name }}
{{- if kindIs "map" $value }}
{{- range $inner := keys $value | sortAlpha }}
{{ include "weir.key" $name }}.{{ include "weir.key" $inner }} = {{ include "weir.value" (index $value $inner) }}
{{- end }}
{{- else }}
{{ include "weir.key" $name }} = {{ include "weir.value" $value }}
{{- end }}
{{- end }}
{{- with .Values.config }}

{{ . | trim }}
{{- end }}
{{- $declared := or (hasKey .Values.settings "fields") (regexMatch "(?m)^ *(fields *=|name *= *[\"']organization[\"'])" .Values.config) }}
{{- if and .Values.organizationLabel (not $declared) }}

[[fields]]
name = "organization"
from = ["json:metadata.organization", "header:x-organization", "header:openai-organization"]
label = true
{{- end }}
{{- if .Values.simulator.enabled }}

[[providers]]
name = "simulated"
base_url = "http://{{ include "weir.name" . }}-simulator:4010/v1"
catalog = "openai"
default = true
{{- else }}
{{- range .Values.providers }}

[[providers]]
{{- range $key, $value := . }}
{{ $key }} = {{ include "weir.value" $value }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
