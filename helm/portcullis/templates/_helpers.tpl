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

{{- /* What a configuration, `text`, says of `server` and `store`; a block that is not there is not here either. */ -}}
{{- define "portcullis.staticOf" -}}
{{- $config := fromYaml .text -}}
{{- if hasKey $config "Error" -}}
{{- fail (printf "config is no mapping in YAML: %s" $config.Error) -}}
{{- end -}}
{{- $static := dict -}}
{{- range $key := list "server" "store" -}}
{{- if hasKey $config $key -}}
{{- $block := get $config $key -}}
{{- if not (kindIs "map" $block) -}}
{{- fail (printf "config: %s: expected a mapping" $key) -}}
{{- end -}}
{{- $_ := set $static $key $block -}}
{{- end -}}
{{- end -}}
{{- toJson $static -}}
{{- end -}}

{{- /* `server` and `store` of the configuration, for what the chart has to know of it. */ -}}
{{- define "portcullis.static" -}}
{{- include "portcullis.staticOf" (dict "text" (include "portcullis.configText" .)) -}}
{{- end -}}

{{- /* The value of `server` at `path`, or `default`. */ -}}
{{- define "portcullis.server" -}}
{{- $value := include "portcullis.static" .root | fromJson -}}
{{- $name := "config" -}}
{{- $given := true -}}
{{- range $step := prepend .path "server" -}}
{{- if $given -}}
{{- if not (kindIs "map" $value) -}}
{{- fail (printf "%s: expected a mapping" $name) -}}
{{- end -}}
{{- $name = printf "%s%s%s" $name (ternary ": " "." (eq $name "config")) $step -}}
{{- $given = hasKey $value $step -}}
{{- $value = get $value $step -}}
{{- end -}}
{{- end -}}
{{- if and $given (kindIs "invalid" $value) -}}
{{- fail (printf "%s: there is no value" $name) -}}
{{- end -}}
{{- ternary (toString $value) .default $given -}}
{{- end -}}

{{- /* The secrets that a configuration, `static`, may have written out. */ -}}
{{- define "portcullis.secretsOf" -}}
{{- $static := fromJson .static -}}
{{- $admin := get (default dict $static.server) "admin" -}}
{{- $secrets := dict "store" (pick (default dict $static.store) "pepper" "previous_peppers" "sealing_key" "url") -}}
{{- if kindIs "map" $admin -}}
{{- $_ := set $secrets "admin" (pick $admin "token" "tokens") -}}
{{- end -}}
{{- toJson $secrets -}}
{{- end -}}

{{- /* The same configuration without them: what may be hashed where people see it. */ -}}
{{- define "portcullis.withoutSecrets" -}}
{{- $static := include "portcullis.static" . | fromJson -}}
{{- if hasKey $static "store" -}}
{{- $_ := set $static "store" (omit $static.store "pepper" "previous_peppers" "sealing_key" "url") -}}
{{- end -}}
{{- $admin := get (default dict $static.server) "admin" -}}
{{- if kindIs "map" $admin -}}
{{- $_ := set $static.server "admin" (omit $admin "token" "tokens") -}}
{{- end -}}
{{- toJson $static -}}
{{- end -}}

{{- /* What the Secret holds. */ -}}
{{- define "portcullis.secretData" -}}
{{- $data := dict -}}
{{- range $key, $value := dict "admin-token" .Values.secret.adminToken "pepper" .Values.secret.pepper "sealing-key" .Values.secret.sealingKey -}}
{{- with $value -}}
{{- $_ := set $data $key (b64enc .) -}}
{{- end -}}
{{- end -}}
{{- toJson $data -}}
{{- end -}}

{{- /* How often the secrets of the release have changed: one more than the cluster has written down, where they are others than there.
    A number says nothing of them, and a hash would let whoever may read a pod try guesses. Where Helm renders without a cluster
    it is always 0. */ -}}
{{- define "portcullis.secretsRevision" -}}
{{- $name := include "portcullis.fullname" . -}}
{{- $config := lookup "v1" "ConfigMap" .Release.Namespace $name -}}
{{- $secret := lookup "v1" "Secret" .Release.Namespace $name -}}
{{- $revision := 0 -}}
{{- if $config -}}
{{- $revision = dig "metadata" "annotations" "portcullis/secrets-revision" "0" $config | int -}}
{{- $static := include "portcullis.staticOf" (dict "text" (dig "data" "portcullis.yaml" "" $config)) -}}
{{- $before := list (dig "data" dict (default dict $secret)) (include "portcullis.secretsOf" (dict "static" $static)) -}}
{{- $static = include "portcullis.static" . -}}
{{- $own := ternary dict (include "portcullis.secretData" . | fromJson) (not (empty .Values.secret.existing)) -}}
{{- $now := list $own (include "portcullis.secretsOf" (dict "static" $static)) -}}
{{- if ne (toJson $before) (toJson $now) -}}
{{- $revision = add $revision 1 -}}
{{- end -}}
{{- end -}}
{{- $revision -}}
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
{{- $address := include "portcullis.server" (dict "root" . "path" (list "health" "address") "default" "0.0.0.0:9902") -}}
{{- include "portcullis.port" (dict "path" "server.health.address" "address" $address) -}}
{{- end -}}

{{- define "portcullis.adminPort" -}}
{{- regexFind "[0-9]+$" (include "portcullis.server" (dict "root" . "path" (list "admin" "address") "default" "127.0.0.1:9901")) -}}
{{- end -}}

{{- /* `ports`: of each listener the name and number of its port, and the number that it has in the Service. */ -}}
{{- define "portcullis.ports" -}}
{{- $server := default dict (include "portcullis.static" . | fromJson).server -}}
{{- $listeners := list (dict "address" "0.0.0.0:8080") -}}
{{- if hasKey $server "listeners" -}}
{{- $listeners = $server.listeners -}}
{{- end -}}
{{- if not (and (kindIs "slice" $listeners) $listeners) -}}
{{- fail "config: server.listeners: expected a list with at least one listener" -}}
{{- end -}}
{{- /* Names that can be those of ports, by the listener that has each. */ -}}
{{- $names := dict "health" -1 -}}
{{- range $index, $listener := $listeners -}}
{{- if not (kindIs "map" $listener) -}}
{{- fail (printf "config: server.listeners[%d]: expected a mapping" $index) -}}
{{- end -}}
{{- $name := toString (default "" $listener.name) -}}
{{- if and (regexMatch "^[a-z]([a-z0-9-]{0,13}[a-z0-9])?$" $name) (not (contains "--" $name)) (ne $name "health") -}}
{{- if hasKey $names $name -}}
{{- fail (printf "config: server.listeners[%d].name: %s is the name of another listener" $index $name) -}}
{{- end -}}
{{- $_ := set $names $name $index -}}
{{- end -}}
{{- end -}}
{{- $health := include "portcullis.healthPort" . | int -}}
{{- $taken := dict -}}
{{- $served := dict -}}
{{- $ports := list -}}
{{- range $index, $listener := $listeners -}}
{{- $path := printf "server.listeners[%d].address" $index -}}
{{- $port := include "portcullis.port" (dict "path" $path "address" (toString (default "" $listener.address))) | int -}}
{{- $service := ternary (int $.Values.service.port) $port (eq $index 0) -}}
{{- /* Port 0 is another each time. */ -}}
{{- if $port -}}
{{- if or (eq $port $health) (hasKey $taken (toString $port)) -}}
{{- fail (printf "config: %s: the port %d is that of another listener or of server.health; in a pod each has its own" $path $port) -}}
{{- end -}}
{{- if hasKey $served (toString $service) -}}
{{- fail (printf "config: %s: the port %d of the Service is that of the first listener already: set service.port" $path $service) -}}
{{- end -}}
{{- $_ := set $taken (toString $port) true -}}
{{- $_ := set $served (toString $service) true -}}
{{- end -}}
{{- $name := toString (default "" $listener.name) -}}
{{- if ne (toString (get $names $name)) (toString $index) -}}
{{- /* One that cannot be a port's, or none: `http`, `http-1` and so on, the first that nobody has. */ -}}
{{- $name = "" -}}
{{- range $number := untilStep $index (int (add $index (len $names) 1)) 1 -}}
{{- $free := ternary "http" (printf "http-%d" $number) (eq $number 0) -}}
{{- if not (or $name (hasKey $names $free)) -}}
{{- $name = $free -}}
{{- end -}}
{{- end -}}
{{- $_ := set $names $name $index -}}
{{- end -}}
{{- $ports = append $ports (dict "name" $name "port" $port "service" $service) -}}
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
{{- $delay := include "portcullis.server" (dict "root" . "path" (list "drain" "delay") "default" "5s") -}}
{{- $timeout := include "portcullis.server" (dict "root" . "path" (list "drain" "timeout") "default" "20s") -}}
{{- $delay = include "portcullis.seconds" (dict "path" "server.drain.delay" "duration" $delay) -}}
{{- $timeout = include "portcullis.seconds" (dict "path" "server.drain.timeout" "duration" $timeout) -}}
{{- add $delay $timeout 10 -}}
{{- else -}}
{{- .Values.terminationGracePeriodSeconds -}}
{{- end -}}
{{- end -}}

{{- /* Something, where instances share a store. */ -}}
{{- define "portcullis.isShared" -}}
{{- if eq (default "" (get (default dict (include "portcullis.static" . | fromJson).store) "kind")) "redis" -}}
yes
{{- end -}}
{{- end -}}

{{- /* Refuses a store that would not lie on the volume, and instances that would have a store each. */ -}}
{{- define "portcullis.judgeStore" -}}
{{- $static := include "portcullis.static" . | fromJson -}}
{{- if include "portcullis.isShared" . -}}
{{- if not (or $static.store.pepper (include "portcullis.secretName" .) .Values.extraEnv) -}}
{{- fail "config: store.kind is redis: instances that share a store need the same pepper: set secret.pepper or secret.existing" -}}
{{- end -}}
{{- else -}}
{{- if gt (int .Values.replicaCount) 1 -}}
{{- fail "replicaCount is more than 1: the embedded store is held by one process; several need store.kind: redis" -}}
{{- end -}}
{{- if hasKey $static "store" -}}
{{- $path := toString (default "portcullis.db" $static.store.path) -}}
{{- if or (not (hasPrefix (printf "%s/" .Values.persistence.mountPath) $path)) (regexMatch "(^|/)\\.\\.(/|$)" $path) -}}
{{- fail (printf "config: store.path is %s; it has to lie in persistence.mountPath, %s, or it is lost with the pod" $path .Values.persistence.mountPath) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
