# Sourced by make-components.sh. Fetches Debian's Kubernetes source and Go toolchain, and compiles the static binaries.
# INVARIANTS: nothing is installed on the machine but dpkg-dev; everything else is unpacked below $work with dpkg -x.

kube_commands=(kubeadm kubelet kubectl kube-apiserver kube-controller-manager kube-scheduler kube-proxy)
own_tools=(crictl pause demo-web cluster-dns)

# fetch_source: $work/source/go/src/k8s.io/kubernetes (the whole tree with vendor/), $work/source/golang (the toolchain).
fetch_source() {
  local dir=$work/source
  [ -e "$dir/.complete" ] && return 0
  rm -rf "$dir" && mkdir -p "$dir/go/src/k8s.io" "$dir/golang" "$dir/download"
  (cd "$dir/download" && apt_private source --download-only kubernetes) || return 1
  dpkg-source --no-check -x "$dir"/download/kubernetes_*.dsc "$dir/kubernetes" || return 1
  mv "$dir/kubernetes" "$dir/go/src/k8s.io/kubernetes"
  unpack_packages "$dir/golang" golang-1.19-go golang-1.19-src golang-github-modern-go-reflect2-dev || return 1
  # The vendored reflect2 1.0.1 compiles with Go 1.19 but makes kubeadm panic in kubelet-start; Debian's own package does not.
  local vendored=$dir/go/src/k8s.io/kubernetes/vendor/github.com/modern-go/reflect2
  rm -rf "$vendored" && cp -rL "$dir/golang/usr/share/gocode/src/github.com/modern-go/reflect2" "$vendored"
  rm -rf "$vendored/go.mod" "$vendored"/*_test.go "$dir/download"
  touch "$dir/.complete"
}

go_environment() {
  export GOROOT=$work/source/goroot GOPATH=$work/source/go GOCACHE=$work/source/go-cache GOTMPDIR=$work/source
  export GO111MODULE=off GOPROXY=off GOFLAGS= CGO_ENABLED=0 PATH=$work/source/goroot/bin:$PATH
  [ -e "$GOROOT" ] && return 0
  # Debian splits GOROOT over /usr/lib and /usr/share with links between them; put it together again in one tree.
  rm -rf "$GOROOT.unfinished" && mkdir "$GOROOT.unfinished" && cp -r "$work"/source/golang/usr/lib/go-1.19/. "$GOROOT.unfinished"/ &&
    find "$GOROOT.unfinished" -type l -delete && cp -r "$work"/source/golang/usr/share/go-1.19/. "$GOROOT.unfinished"/ &&
    mv "$GOROOT.unfinished" "$GOROOT"
}

# generate_openapi: Debian's tree lacks pkg/generated/openapi/zz_generated.openapi.go; upstream generates it at build time.
generate_openapi() {
  local root=$GOPATH/src/k8s.io/kubernetes
  cd "$root" || return 1
  [ -e "$work/source/.openapi" ] && return 0
  go build -trimpath -o "$work/source/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen || return 1
  local packages
  packages=$(grep -rl --include='*.go' '+k8s:openapi-gen=' pkg staging/src/k8s.io vendor/k8s.io/gengo vendor/k8s.io/kube-openapi vendor/k8s.io/utils vendor/k8s.io/klog |
    grep -vE '_test\.go$|/(test|testing|testdata|generators|code-generator|sample-apiserver)/' |
    xargs -n1 dirname | sed -e 's,^staging/src/,k8s.io/kubernetes/vendor/,' -e 's,^pkg,k8s.io/kubernetes/pkg,' -e 's,^vendor/,k8s.io/kubernetes/vendor/,' |
    LC_ALL=C sort -u)
  echo "openapi-gen over $(wc -l <<<"$packages") packages"
  "$work/source/openapi-gen" -h /dev/null -p k8s.io/kubernetes/pkg/generated/openapi -O zz_generated.openapi \
    -o "$GOPATH/src" -r /dev/null --logtostderr -i "$(paste -sd, <<<"$packages")" || return 1
  test -s pkg/generated/openapi/zz_generated.openapi.go && touch "$work/source/.openapi"
}

# compile_kubernetes OUT: the seven commands, static and stripped, stamped as upstream's v$version.
compile_kubernetes() {
  local out=$1 stamp='' package
  go_environment && generate_openapi || return 1
  cd "$GOPATH/src/k8s.io/kubernetes" || return 1
  for package in k8s.io/kubernetes/vendor/k8s.io/component-base/version k8s.io/kubernetes/vendor/k8s.io/client-go/pkg/version; do
    stamp+=" -X $package.gitVersion=v$version -X $package.gitMajor=${version%%.*} -X $package.gitMinor=$(cut -d. -f2 <<<"$version")"
    stamp+=" -X $package.gitTreeState=clean -X $package.buildDate=2021-01-13T13:20:00Z -X $package.gitCommit=faecb196815e248d3ecfb03c680a4507229c2a56"
  done
  mkdir -p "$out"
  go list -deps "${kube_commands[@]/#/./cmd/}" | wc -l >"$work/packages-total"
  nice go build -v -trimpath -ldflags "-s -w$stamp" -o "$out/" "${kube_commands[@]/#/./cmd/}"
}

# compile_tools OUT: our own small programs. crictl and cluster-dns take the CRI API and client-go from the Kubernetes tree, so all are
# built in it.
compile_tools() {
  local out=$1 tool
  go_environment || return 1
  mkdir -p "$out"
  for tool in "${own_tools[@]}"; do
    mkdir -p "$GOPATH/src/k8s.io/kubernetes/cmd/seal-$tool"
    cp "$recipe/$tool/main.go" "$GOPATH/src/k8s.io/kubernetes/cmd/seal-$tool/"
    (cd "$GOPATH/src/k8s.io/kubernetes" && nice go build -trimpath -ldflags '-s -w' -o "$out/$tool" "./cmd/seal-$tool") || return 1
  done
}
