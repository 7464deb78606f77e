#!/bin/bash
# Installs containerd and runc, and starts containerd as a systemd unit. May be run again.
# shellcheck source=host-files.sh
source "$(dirname "$0")/host-files.sh"

# installed: what a running containerd was started from.
installed() { sha256sum /usr/local/bin/containerd /etc/containerd/config.toml /etc/systemd/system/containerd.service 2>/dev/null || true; }

refuse_other containerd runc
refuse_foreign /etc/containerd/config.toml /etc/systemd/system/containerd.service
before=$(installed)
for name in containerd containerd-shim-runc-v2 ctr runc; do install_program "cri/$name" "/usr/local/bin/$name"; done
install_program bin/crictl /usr/local/bin/crictl
runc --version >/dev/null || fail 'runc does not run on this host; Debian 12 with libseccomp2 is needed.'
say 'installed containerd, runc, ctr, crictl in /usr/local/bin'

install_config etc/containerd-config.toml /etc/containerd/config.toml
install_config etc/containerd.service /etc/systemd/system/containerd.service
systemctl daemon-reload
systemctl enable --quiet containerd
if [ "$before" = "$(installed)" ]; then systemctl start containerd; else systemctl restart containerd; fi
wait_until 60 crictl -r "$socket" info ||
  fail "containerd did not answer at $socket within 60 s. Its log: journalctl -u containerd; last line: $(journalctl -u containerd -n 1 -o cat)"
say "containerd $(containerd --version | cut -d' ' -f3) is running"
