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

{{/* weir.toml. Settings of no table come first, then the operator's own, then the tables. */}}
{{- define "weir.toml" -}}
listen = "0.0.0.0:4000"
admin.listen = "0.0.0.0:4001"
data_dir = "/var/lib/weir"
instance = "env:POD_NAME"
stdout = {{ .Values.stdout }}
durability = {{ .Values.durability | quote }}
shutdown_grace = "{{ .Values.shutdownGraceSeconds }}s"
body_memory = {{ .Values.bodyMemory | quote }}
journal.max_bytes = {{ .Values.persistence.journalMaxBytes | quote }}
journal.keep = {{ .Values.persistence.journalKeep | quote }}
{{- if .Values.tls.secretName }}
tls.cert = "/etc/weir-tls/tls.crt"
tls.key = "/etc/weir-tls/tls.key"
{{- end }}
{{- with .Values.config }}

{{ . | trim }}
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
{{ $key }} = {{ $value | toJson }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
