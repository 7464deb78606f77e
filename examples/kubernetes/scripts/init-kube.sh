#!/bin/bash
# Makes the host ready for kubeadm: kernel settings, kubelet unit, CNI plugins, container images, pod network. May be run again.
# Reads NodeRole (master or worker; unset: everything a master needs).
# shellcheck source=host-files.sh
source "$(dirname "$0")/host-files.sh"

check_host() {
  local program missing=
  for program in ip iptables conntrack ethtool socat mount nsenter; do type -P "$program" >/dev/null || missing+=" $program"; done
  [ -z "$missing" ] || fail "this host lacks$missing. Install them: apt-get install iproute2 iptables conntrack ethtool socat mount util-linux"
  [ "$(wc -l </proc/swaps)" -le 1 ] || fail "swap is on, and the kubelet refuses to start with it: $(awk 'NR > 1 { print $1 }' /proc/swaps | xargs). Turn it off (swapoff -a, and its line in /etc/fstab), then try again."
  wait_until 2 crictl -r "$socket" info || fail "containerd does not answer at $socket; containerd.sh comes first."
  refuse_other kubeadm kubelet kubectl
  refuse_foreign /etc/systemd/system/{kubelet,seal-pod-network}.service /etc/systemd/system/kubelet.service.d/10-kubeadm.conf \
    /etc/modules-load.d/seal-kubernetes.conf /etc/sysctl.d/99-seal-kubernetes.conf
}

# The kubelet and kube-proxy change these too; clean.sh puts back what is recorded here.
record_sysctls() {
  local key
  [ ! -e "$record/sysctl-before" ] || return 0
  mkdir -p "$record"
  for key in net.ipv4.ip_forward net.bridge.bridge-nf-call-iptables net.bridge.bridge-nf-call-ip6tables net.ipv4.conf.all.route_localnet \
    net.netfilter.nf_conntrack_tcp_timeout_established net.netfilter.nf_conntrack_tcp_timeout_close_wait \
    vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops kernel.keys.root_maxkeys kernel.keys.root_maxbytes; do
    [ ! -r "/proc/sys/${key//.//}" ] || printf '%s=%s\n' "$key" "$(cat "/proc/sys/${key//.//}")"
  done >"$record/sysctl-before.new"
  mv "$record/sysctl-before.new" "$record/sysctl-before"
}

# A module may be built into the kernel; what counts is that its function is there.
kernel_settings() {
  install_config etc/modules.conf /etc/modules-load.d/seal-kubernetes.conf
  [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ] || modprobe br_netfilter || fail 'the kernel has no br_netfilter; Services cannot work without it.'
  record_sysctls
  install_config etc/sysctl.conf /etc/sysctl.d/99-seal-kubernetes.conf
  sysctl -q -p /etc/sysctl.d/99-seal-kubernetes.conf || fail 'the kernel settings could not be made (see above).'
  # Without the file no pod starts: the kubelet copies it into every pod that uses the host's DNS.
  [ -e /etc/resolv.conf ] || printf '# %s: this host had no resolv.conf.\n' "$mark" >/etc/resolv.conf
}

install_kubernetes() {
  local name
  for name in kubeadm kubelet kubectl; do install_program "bin/$name" "/usr/local/bin/$name"; done
  for name in "$rootfs"/cni/*; do install_program "cni/${name##*/}" "/opt/cni/bin/${name##*/}"; done
  install_config etc/kubelet.service /etc/systemd/system/kubelet.service
  install_config etc/10-kubeadm.conf /etc/systemd/system/kubelet.service.d/10-kubeadm.conf
  mkdir -p /etc/kubernetes/manifests
  systemctl daemon-reload
  systemctl enable --quiet kubelet
}

# What "sealctl build" collected lies in registry/ as a registry keeps it; renamed, it is the OCI archive that containerd takes.
import_collected() {
  local rename='s,^docker/registry/v2/blobs/sha256/../\([0-9a-f]*\)/data$,blobs/sha256/\1,'
  tar -C "$rootfs/registry" --transform="$rename" -cf - oci-layout index.json docker/registry/v2/blobs |
    ctr -n k8s.io images import - | awk '/^unpacking / { printf " %s", $2 }' || fail 'containerd could not import the images in registry/.'
}

import_images() {
  local archive name names=
  for archive in "$rootfs"/images/*.tar; do
    case "${NodeRole:-master}/${archive##*/}" in
      worker/etcd.tar | worker/kube-apiserver.tar | worker/kube-controller-manager.tar | worker/kube-scheduler.tar) continue ;;
    esac
    name=$(ctr -n k8s.io images import "$archive" | awk '/^unpacking / { print $2 }') || fail "containerd could not import ${archive##*/}."
    names+=" $name"
  done
  if [ -e "$rootfs/registry/index.json" ]; then names+=$(import_collected); fi
  # containerd's CRI hears of an imported image a moment later.
  for name in $names; do wait_until 20 crictl -r "$socket" inspecti "$name" || fail "the imported image $name did not appear in containerd."; done
  say "imported$names"
}

pod_network() {
  install_program scripts/seal-pod-network /usr/local/sbin/seal-pod-network
  install_config etc/seal-pod-network.service /etc/systemd/system/seal-pod-network.service
  systemctl daemon-reload
  systemctl enable --quiet seal-pod-network
  systemctl restart seal-pod-network
}

check_host
kernel_settings
say 'kernel settings made'
install_kubernetes
say "installed kubeadm, kubelet, kubectl $(kubeadm version -o short) and the CNI plugins"
import_images
pod_network
say 'pod network waits for the node to join; the host is ready for kubeadm'
