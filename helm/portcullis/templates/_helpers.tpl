{{- define "portcullis.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "portcullis.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* They never change: a Deployment's selector cannot. */ -}}
{{- define "portcullis.selectorLabels" -}}
app.kubernetes.io/name: {{ include "portcullis.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "portcullis.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "portcullis.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "portcullis.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "portcullis.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "portcullis.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- /* The Secret's name, or nothing. */ -}}
{{- define "portcullis.secretName" -}}
{{- with .Values.secret -}}
{{- if .existing -}}
{{- .existing -}}
{{- else if or .adminToken .pepper .sealingKey -}}
{{- include "portcullis.fullname" $ -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* The configuration as it goes into its file. */ -}}
{{- define "portcullis.configText" -}}
{{- if kindIs "invalid" .Values.config -}}
{{- .Files.Get "example.yaml" -}}
{{- else if kindIs "string" .Values.config -}}
{{- .Values.config -}}
{{- else -}}
{{- toYaml .Values.config -}}
{{- end -}}
{{- end -}}

{{- /* `server` and `store` of the configuration, for what the chart has to know of it. */ -}}
{{- define "portcullis.static" -}}
{{- $config := fromYaml (include "portcullis.configText" .) -}}
{{- if hasKey $config "Error" -}}
{{- fail (printf "config is no mapping in YAML: %s" $config.Error) -}}
{{- end -}}
{{- toJson (dict "server" (default dict $config.server) "store" (default dict $config.store)) -}}
{{- end -}}

{{- /* The port at the end of an address. */ -}}
{{- define "portcullis.port" -}}
{{- $port := regexFind "[0-9]+$" .address -}}
{{- if not $port -}}
{{- fail (printf "config: %s: the chart has to know the port, and %s ends with none" .path .address) -}}
{{- end -}}
{{- $port -}}
{{- end -}}

{{- define "portcullis.healthPort" -}}
{{- $server := (include "portcullis.static" . | fromJson).server -}}
{{- $address := dig "health" "address" "0.0.0.0:9902" $server -}}
{{- include "portcullis.port" (dict "path" "server.health.address" "address" $address) -}}
{{- end -}}

{{- define "portcullis.adminPort" -}}
{{- $server := (include "portcullis.static" . | fromJson).server -}}
{{- regexFind "[0-9]+$" (dig "admin" "address" "127.0.0.1:9901" $server) -}}
{{- end -}}

{{- /* `ports`: name and number of each listener's port. */ -}}
{{- define "portcullis.ports" -}}
{{- $server := (include "portcullis.static" . | fromJson).server -}}
{{- $ports := list -}}
{{- range $index, $listener := default (list (dict "address" "0.0.0.0:8080")) $server.listeners -}}
{{- $name := default "" $listener.name -}}
{{- if not (and (regexMatch "^[a-z]([a-z0-9-]{0,13}[a-z0-9])?$" $name) (ne $name "health")) -}}
{{- $name = ternary "http" (printf "http-%d" $index) (eq $index 0) -}}
{{- end -}}
{{- $path := printf "server.listeners[%d].address" $index -}}
{{- $port := include "portcullis.port" (dict "path" $path "address" (default "" $listener.address)) -}}
{{- $ports = append $ports (dict "name" $name "port" (int $port)) -}}
{{- end -}}
{{- toJson (dict "ports" $ports) -}}
{{- end -}}

{{- /* Whole seconds of a duration, rounded up. */ -}}
{{- define "portcullis.seconds" -}}
{{- if not (regexMatch "^[0-9]+(ms|s|m|h|d)$" .duration) -}}
{{- fail (printf "config: %s: the chart has to know the time, and %s is none" .path .duration) -}}
{{- end -}}
{{- $number := regexFind "^[0-9]+" .duration | int64 -}}
{{- $unit := regexFind "[a-z]+$" .duration -}}
{{- if eq $unit "ms" -}}
{{- div (add $number 999) 1000 -}}
{{- else -}}
{{- mul $number (get (dict "s" 1 "m" 60 "h" 3600 "d" 86400) $unit) -}}
{{- end -}}
{{- end -}}

{{- /* How long the pod may take to leave: what the process itself waits for, and some time to say so. */ -}}
{{- define "portcullis.gracePeriod" -}}
{{- if kindIs "invalid" .Values.terminationGracePeriodSeconds -}}
{{- $server := (include "portcullis.static" . | fromJson).server -}}
{{- $delay := include "portcullis.seconds" (dict "path" "server.drain.delay" "duration" (dig "drain" "delay" "5s" $server)) -}}
{{- $timeout := include "portcullis.seconds" (dict "path" "server.drain.timeout" "duration" (dig "drain" "timeout" "20s" $server)) -}}
{{- add $delay $timeout 10 -}}
{{- else -}}
{{- .Values.terminationGracePeriodSeconds -}}
{{- end -}}
{{- end -}}

{{- /* Something, where instances share a store. */ -}}
{{- define "portcullis.isShared" -}}
{{- if eq (default "" (include "portcullis.static" . | fromJson).store.kind) "redis" -}}
yes
{{- end -}}
{{- end -}}

{{- /* Refuses a store that would not lie on the volume, and instances that would have a store each. */ -}}
{{- define "portcullis.judgeStore" -}}
{{- $store := (include "portcullis.static" . | fromJson).store -}}
{{- if include "portcullis.isShared" . -}}
{{- if not (or $store.pepper (include "portcullis.secretName" .) .Values.extraEnv) -}}
{{- fail "config: store.kind is redis: instances that share a store need the same pepper: set secret.pepper or secret.existing" -}}
{{- end -}}
{{- else -}}
{{- if gt (int .Values.replicaCount) 1 -}}
{{- fail "replicaCount is more than 1: the embedded store is held by one process; several need store.kind: redis" -}}
{{- end -}}
{{- if $store -}}
{{- $path := default "portcullis.db" $store.path -}}
{{- if not (hasPrefix (printf "%s/" .Values.persistence.mountPath) $path) -}}
{{- fail (printf "config: store.path is %s; it has to lie in persistence.mountPath, %s, or it is lost with the pod" $path .Values.persistence.mountPath) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
