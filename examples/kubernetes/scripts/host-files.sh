# shellcheck shell=bash disable=SC2034
# Sourced by the scripts beside it: how they speak, fail, and put files on the host.
# INVARIANTS: every file these scripts install carries the line $mark (or is a binary from the rootfs); none replaces a file
# of somebody else. What the host was like before is kept in $record until clean.sh has restored it.
set -Eeuo pipefail
trap 'printf "%s: line %s failed with exit code %s: %s\n" "${0##*/}" "$LINENO" "$?" "$BASH_COMMAND" >&2' ERR
umask 022
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

rootfs=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
mark='Installed by the ClusterImage kubernetes'
record=/var/lib/seal-kubernetes
socket=/run/containerd/containerd.sock

say() { printf '%s\n' "$*"; }
fail() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

[ "$(id -u)" = 0 ] || fail 'must run as root.'
command -v systemctl >/dev/null || fail 'this host has no systemd; the ClusterImage needs it.'

# install_program FROM TO: a binary, replaced in one step so that a running one is not disturbed.
install_program() {
  cmp -s "$rootfs/$1" "$2" && return 0
  [ -s "$rootfs/$1" ] || fail "the ClusterImage lacks $1."
  mkdir -p "${2%/*}"
  install -m 755 "$rootfs/$1" "$2.seal-new"
  mv -f "$2.seal-new" "$2"
}

# install_config FROM TO: a text file of ours; refuses to replace one that is not.
install_config() {
  refuse_foreign "$2"
  mkdir -p "${2%/*}"
  install -m 644 "$rootfs/$1" "$2.seal-new"
  mv -f "$2.seal-new" "$2"
}

# refuse_foreign FILE…: fails when one exists that these scripts did not install. Called before the first change.
refuse_foreign() {
  local file
  for file in "$@"; do
    [ ! -e "$file" ] || grep -q "$mark" "$file" || fail "$file exists and is not from this ClusterImage. Move it away, then try again."
  done
}

# refuse_other PROGRAM…: fails when the host has one that these scripts did not install in /usr/local/bin.
refuse_other() {
  local name found
  for name in "$@"; do
    found=$(type -aP "$name" | grep -vx "/usr/local/bin/$name" | head -n 1) || true # none is right
    [ -z "$found" ] || fail "this host has its own $name ($found). Remove it (dpkg -S $found names its package), then try again."
  done
}

# remove_tree DIR: removes it; of a mount point, what is in it. Stays on one file system.
remove_tree() {
  [ -e "$1" ] || return 0
  if mountpoint -q "$1"; then find "$1" -xdev -mindepth 1 -delete; else rm -rf --one-file-system "$1"; fi
}

# remove_if_empty DIR…: from the deepest up; a folder that others use stays.
remove_if_empty() {
  local dir
  for dir in "$@"; do
    [ ! -d "$dir" ] || mountpoint -q "$dir" || [ -n "$(ls -A "$dir")" ] || rmdir "$dir"
  done
}

# unmount_below DIR: every mount below it, deepest first; not DIR itself.
unmount_below() {
  local mount
  awk -v below="$1/" 'index($2, below) == 1 { print $2 }' /proc/self/mounts | LC_ALL=C sort -r | while read -r mount; do
    umount "$(printf '%b' "$mount")" || umount -l "$(printf '%b' "$mount")"
  done
}

# wait_until SECONDS COMMAND…: tries every 0.2 s until it succeeds; fails after that time.
wait_until() {
  local left=$(($1 * 5))
  shift
  until "$@" >/dev/null 2>&1; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || return 1
    sleep 0.2
  done
}

# stop_unit UNIT: stops and disables it where it exists.
stop_unit() {
  [ ! -e "/etc/systemd/system/$1" ] || systemctl disable --now --quiet "$1"
}
