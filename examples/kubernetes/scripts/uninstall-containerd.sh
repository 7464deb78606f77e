#!/bin/bash
# Takes containerd off the host with all it holds. Run clean.sh before. May be run again.
# shellcheck source=host-files.sh
source "$(dirname "$0")/host-files.sh"

if [ -e /etc/systemd/system/containerd.service ]; then
  grep -q "$mark" /etc/systemd/system/containerd.service || fail '/etc/systemd/system/containerd.service is not from this ClusterImage; nothing was removed.'
  stop_unit containerd.service
  # KillMode=process leaves shims and containers alive on purpose; now they go too.
  systemctl kill --kill-who=all --signal=SIGKILL containerd.service 2>/dev/null || true # none left
fi
unmount_below /run/containerd
unmount_below /var/lib/containerd
say 'stopped containerd'
for name in /var/lib/containerd /run/containerd /etc/containerd; do remove_tree "$name"; done
rm -f /etc/systemd/system/containerd.service
rm -f /usr/local/bin/{containerd,containerd-shim-runc-v2,ctr,runc,crictl}{,.seal-new}
remove_if_empty /run/runc /run/netns
systemctl daemon-reload
systemctl reset-failed containerd.service 2>/dev/null || true # not failed
say 'removed containerd from this host'
