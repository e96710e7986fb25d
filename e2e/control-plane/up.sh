#!/usr/bin/env bash
# Start a real Kubernetes API server for end-to-end tests; print its kubeconfig's path.
#
#   up.sh [DIR] [kube-apiserver flag]...
#
# DIR holds one server's state; the default is CACHE/run/default. A server that
# already runs there is left as it is; DIR/kubectl is the kubectl of its version.
# Both programs are built once per version of their source, into CACHE/bin. CACHE is $DODONA_E2E_CACHE, or else
# ${XDG_CACHE_HOME:-$HOME/.cache}/dodona-e2e. Progress goes to standard error.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
cache=${DODONA_E2E_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dodona-e2e}
dir=$cache/run/default
if [[ $# -gt 0 && $1 != -* ]]; then
	dir=$1
	shift
fi
say() { echo "control-plane: $*" >&2; }

# The identity of a process: its start time, so that a reused id is not ours.
started_at() { # PID
	local stat state
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
	read -ra state <<<"${stat##*) }"
	[[ ${state[0]} != Z ]] && echo "${state[19]}"
}

umask 077
mkdir -p -- "$cache/bin" "$dir"
dir=$(cd -- "$dir" && pwd)

# Build, unless this source was built before.
version=$(sed -n 's#^\tk8s.io/kubernetes \(v[0-9.]*\)$#\1#p' "$here/go.mod")
key=$(cat "$here"/{go.mod,go.sum,main.go,up.sh} | sha256sum | cut -c1-16)
build() { # OUTPUT PACKAGE
	local set_version='' major minor at
	IFS=. read -r major minor _ <<<"${version#v}"
	for at in component-base/version client-go/pkg/version; do
		set_version+=" -X k8s.io/$at.gitVersion=$version -X k8s.io/$at.gitMajor=$major"
		set_version+=" -X k8s.io/$at.gitMinor=$minor -X k8s.io/$at.gitTreeState=clean"
	done
	# No debug information: it would be stripped, and not making it is cheaper.
	(cd -- "$here" && CGO_ENABLED=0 GOTOOLCHAIN="${GOTOOLCHAIN:-local}" GOWORK=off \
		go build -mod=readonly -trimpath -buildvcs=false -gcflags=all=-dwarf=false \
		-ldflags "-s -w$set_version" -o "$1.new" "$2" >&2)
	mv -- "$1.new" "$1"
}
binary=$cache/bin/control-plane-$version-$(uname -m)-$key
kubectl=$cache/bin/kubectl-$version-$(uname -m)-$key
if [[ ! -x $binary || ! -x $kubectl ]]; then
	exec 9>"$cache/bin/lock"
	flock 9
	if [[ ! -x $binary || ! -x $kubectl ]]; then
		say "building kube-apiserver $version with etcd, and kubectl (minutes the first time)"
		build "$binary" .
		build "$kubectl" k8s.io/kubernetes/cmd/kubectl
	fi
	exec 9>&-
fi
ln -sf -- "$kubectl" "$dir/kubectl"

# Start, unless it runs.
exec 8>"$dir/lock"
flock 8
if read -r pid start 2>/dev/null <"$dir/pid" && [[ $(started_at "$pid") == "$start" ]]; then
	say "already running in $dir (process $pid)"
else
	rm -f -- "$dir/kubeconfig"
	setsid "$binary" "$dir" "$@" </dev/null >"$dir/log" 2>&1 8>&- &
	pid=$!
	start=$(started_at "$pid") || start=gone
	echo "$pid $start" >"$dir/pid"
fi

# Wait: the kubeconfig appears once the server is ready.
deadline=$((SECONDS + ${DODONA_E2E_TIMEOUT:-180}))
until [[ -s $dir/kubeconfig ]]; do
	if [[ $(started_at "$pid") != "$start" ]]; then
		tail -n 20 -- "$dir/log" >&2
		say "it ended before it was ready; the whole log is $dir/log"
		exit 1
	elif ((SECONDS >= deadline)); then
		tail -n 20 -- "$dir/log" >&2
		say "not ready in time; it still runs as process $pid, the log is $dir/log"
		exit 1
	fi
	sleep 0.1
done
echo "$dir/kubeconfig"
