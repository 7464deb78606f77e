#!/bin/bash
# make-components.sh [--verify]: fills components/ with everything the ClusterImage examples/kubernetes is made of:
# Kubernetes 1.20.2 compiled from Debian's source package, containerd, runc and CNI plugins from Debian, container images of those.
# Needs root and Debian 12 on amd64; the network only for Debian packages. Nothing but dpkg-dev is installed on the machine.
#   SEAL_CACHE  where results are kept (default /var/cache/seal); a second run copies them in seconds
#   --verify    checks cache and components against their checksums and changes nothing
# INVARIANTS: $cache is complete or absent (built beside it, renamed at the end); a finished part (the compile, the tools)
# stays in $cache_root/parts and is used again, also by other versions of this recipe; one builder at a time (flock).
set -euo pipefail
umask 022

version=1.20.2
source_epoch=1610544000 source_date=2021-01-13T13:20:00Z
here=$(dirname "$(readlink -f "$0")")
recipe=$here/recipe components=$here/components
cache_root=${SEAL_CACHE:-/var/cache/seal}
needed_gib=6 steps=7

hash_of() { (cd "$recipe" && sha256sum "$@" | sha256sum | cut -c1-12); }
recipe_hash=$(cd "$recipe" && hash_of $(find . -type f | LC_ALL=C sort))
cache=$cache_root/kubernetes-$version-$recipe_hash
work=$cache_root/kubernetes-$version-work
log=$work.log
step=0 began=$SECONDS child=

source "$recipe/compile.sh"
source "$recipe/images.sh"

say() { printf '%s\n' "$*"; }
fail() {
  say "make-components.sh: $1" >&2
  shift
  for line in "$@"; do say "  $line" >&2; done
  exit 1
}

interrupted() {
  [ -z "$child" ] || kill -TERM -- "-$child" || say "make-components.sh: the step had ended already" >&2
  say "make-components.sh: interrupted. Run it again to go on; to forget the unfinished work: rm -rf $work $log" >&2
  exit 130
}

# run_step TITLE COMMAND…: runs it with all output in the log; says what it is, every 10 s how far, and how long it took.
run_step() {
  local title=$1 start=$SECONDS status=0 waited=0
  shift
  step=$((step + 1))
  say "==> step $step/$steps: $title ($((SECONDS - began)) s so far)"
  say "==> step $step/$steps: $title" >>"$log"
  step_log_start=$(wc -l <"$log")
  set -m; ("$@") >>"$log" 2>&1 & child=$!; set +m
  while kill -0 "$child" 2>/dev/null; do
    sleep 0.5
    waited=$((waited + 1))
    [ $((waited % 20)) -ne 0 ] || heartbeat $((SECONDS - start))
  done
  wait "$child" || status=$?
  child=
  [ "$status" = 0 ] || fail "step $step/$steps ($title) failed with exit code $status after $((SECONDS - start)) s. Its last lines:" \
    "$(tail -n 8 "$log" | sed 's/^/  | /')" "all of its output: $log" "run it again to go on from here; to start afresh: rm -rf $work $log"
  say "    done in $((SECONDS - start)) s"
}

heartbeat() {
  local last packages
  last=$(tail -n +"$((step_log_start + 1))" "$log" | tail -n 1 | cut -c1-100)
  if [ -s "$work/packages-total" ] && [[ $last =~ ^[a-z0-9./_-]+$ ]]; then
    packages=$(tail -n +"$((step_log_start + 1))" "$log" | grep -cE '^[a-zA-Z0-9./_-]+$' || true)
    say "    … $1 s: about $packages of $(cat "$work/packages-total") packages, now ${last#k8s.io/kubernetes/vendor/}"
  else
    say "    … $1 s: ${last:-started}"
  fi
}

check_machine() {
  [ "$(id -u)" = 0 ] || fail 'must run as root (it unpacks packages with their owners).' "sudo $0"
  command -v dpkg >/dev/null && command -v apt-get >/dev/null || fail 'needs Debian 12: there is no dpkg or apt-get here.'
  architecture=$(dpkg --print-architecture)
  [ "$architecture" = amd64 ] || fail "knows amd64 only; this machine is $architecture."
  mkdir -p "$cache_root" || fail "cannot write $cache_root." 'Set SEAL_CACHE to a folder that can be written.'
}

check_space() {
  local free_gib
  free_gib=$(($(df --output=avail -B1M "$cache_root" | tail -n 1) / 1024))
  [ "$free_gib" -ge "$needed_gib" ] || fail "needs $needed_gib GiB of disk below $cache_root, which has $free_gib GiB." \
    'Make room, or set SEAL_CACHE to a folder on a larger disk.'
}

# A package list of our own, so that neither the machine's sources nor its lists change; the mirror and proxy are the machine's.
apt_private() {
  apt-get -q -o Dir::State::lists="$work/apt/lists" -o Dir::Cache="$work/apt/cache" -o Dir::Etc::sourcelist="$work/apt/sources.list" \
    -o Dir::Etc::sourceparts=/dev/null -o APT::Sandbox::User=root -o Acquire::Retries=3 -o APT::Update::Error-Mode=any "$@"
}

mirror_of() { apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' | awk -v suite="$1" '$1 == suite { print $2; exit }'; }

prepare_packages() {
  local suite uri
  mkdir -p "$work"/apt/{lists/partial,cache/archives/partial}
  [ -n "$(mirror_of bookworm)" ] || { echo "apt's sources name no mirror of Debian bookworm: add one to /etc/apt/sources.list"; return 1; }
  for suite in bookworm bookworm-updates bookworm-security; do
    uri=$(mirror_of "$suite")
    [ -n "$uri" ] || continue
    printf '%s [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' deb "$uri" "$suite" deb-src "$uri" "$suite"
  done >"$work/apt/sources.list"
  apt_private update || { echo "Debian's package mirror does not answer: check the network, /etc/apt/sources.list and apt's proxy settings"; return 1; }
  command -v dpkg-source patch xz >/dev/null || DEBIAN_FRONTEND=noninteractive apt_private install -y --no-install-recommends dpkg-dev xz-utils
}

# unpack_packages DIR PACKAGE…: the files of Debian packages below DIR; no scripts run, no service starts.
unpack_packages() {
  local to=$1 debs deb
  shift
  debs=$(mktemp -d "$work/debs.XXXX")
  (cd "$debs" && apt_private download "$@") || return 1
  for deb in "$debs"/*.deb; do
    dpkg -x "$deb" "$to" || return 1
    # The toolchain is not in the image, and a later build does not fetch it again.
    [[ $to == "$work/source/"* ]] || dpkg-deb -W --showformat='${Package} ${Version}\n' "$deb" >>"$work/package-versions"
  done
  rm -rf "$debs"
}

# part NAME HASH COMMAND…: runs COMMAND with a folder to fill, unless an earlier run has filled it.
part() {
  local dir=$cache_root/parts/$1-$2
  shift 2
  [ ! -d "$dir" ] || { echo "already there: $dir"; return 0; }
  rm -rf "$dir.unfinished"
  "$@" "$dir.unfinished" && mv "$dir.unfinished" "$dir"
}

unpack_runtime() {
  local tree=$work/runtime out=$work/out
  rm -rf "$tree" "$out" && mkdir -p "$tree" "$out"/{bin,cri,cni}
  unpack_packages "$tree" containerd runc containernetworking-plugins || return 1
  install -m 755 "$tree"/usr/bin/{containerd,containerd-shim-runc-v2,ctr} "$tree/usr/sbin/runc" "$out/cri/"
  install -m 755 "$tree"/usr/lib/cni/{bridge,host-local,loopback,portmap} "$out/cni/"
  rm -rf "$tree"
}

finish() {
  local out=$work/out name
  for name in kubeadm kubelet kubectl; do install -m 755 "$kube_part/$name" "$out/bin/"; done
  install -m 755 "$tools_part/crictl" "$out/bin/"
  LC_ALL=C sort -u "$work/package-versions" >"$out/debian-packages"
  find "$out" -exec touch -h -d "@$source_epoch" {} +
  (cd "$out" && find . -type f ! -name SHA256SUMS | LC_ALL=C sort | xargs sha256sum >SHA256SUMS)
  sync -f "$out"
  rm -rf "$cache"
  mv "$out" "$cache"
  rm -rf "$work"
}

is_whole() { [ -e "$1/SHA256SUMS" ] && (cd "$1" && sha256sum --quiet --strict -c SHA256SUMS) >&2; }

fill_components() {
  if [ -e "$components/SHA256SUMS" ] && cmp -s "$components/SHA256SUMS" "$cache/SHA256SUMS" && is_whole "$components"; then
    say "components/ is complete already: $components"
    return 0
  fi
  rm -rf "$components" "$components.unfinished"
  cp -a --reflink=auto "$cache" "$components.unfinished"
  mv "$components.unfinished" "$components"
  say "components/ filled from $cache ($(du -sh "$components" | cut -f1))"
}

verify() {
  local bad=0 dir
  for dir in "$cache" "$components"; do
    if [ ! -e "$dir" ]; then say "absent:  $dir"; bad=1
    elif is_whole "$dir"; then say "correct: $dir"
    else say "damaged: $dir"; bad=1; fi
  done
  [ "$bad" = 0 ] || fail 'not everything is there as it was built.' "Run $0 without --verify to set it right."
}

build() {
  check_space
  kube_part=$cache_root/parts/kubernetes-$version-$(hash_of compile.sh)
  tools_part=$cache_root/parts/tools-$version-$(hash_of compile.sh crictl/main.go pause/main.go demo-web/main.go cluster-dns/main.go)
  # Unfinished work of another version of the recipe would be taken for this one's.
  [ "$(cat "$work/recipe" 2>/dev/null)" = "$recipe_hash" ] || rm -rf "$work"
  mkdir -p "$work" "$cache_root/parts"
  echo "$recipe_hash" >"$work/recipe"
  : >"$log"
  if [ -d "$kube_part" ] && [ -d "$tools_part" ]; then
    steps=$((steps - 3))
    say "compiled already: ${kube_part##*/}, ${tools_part##*/}"
  fi
  run_step 'package lists of Debian 12' prepare_packages
  if [ ! -d "$kube_part" ] || [ ! -d "$tools_part" ]; then
    run_step "Debian's Kubernetes source and Go 1.19" fetch_source
    run_step "compile Kubernetes $version (some minutes on two cores)" part "kubernetes-$version" "${kube_part##*-}" compile_kubernetes
    run_step "compile ${own_tools[*]}" part "tools-$version" "${tools_part##*-}" compile_tools
  fi
  run_step 'containerd, runc and CNI plugins from Debian' unpack_runtime
  run_step 'container images' make_images "$kube_part" "$tools_part" "$work/out/images"
  run_step 'checksums, and into the cache' finish
  rm -f "$log"
}

check_machine
case ${1:-} in
  --verify) verify; exit 0 ;;
  '') ;;
  *) fail "unknown argument $1." "usage: $0 [--verify]" ;;
esac
trap interrupted INT TERM
exec 9>"$cache_root/kubernetes-$version.lock"
flock -n 9 || { say 'another make-components.sh is at work; waiting for it'; flock 9; }
if is_whole "$cache"; then say "found in the cache: $cache"; else build; fi
fill_components
say "==> all done in $((SECONDS - began)) s"
