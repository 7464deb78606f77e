#!/bin/bash
# Takes Kubernetes off the host, whether or not "kubeadm reset" ran before: brings back what init-kube.sh, kubeadm, the kubelet and
# kube-proxy changed. containerd stays (uninstall-containerd.sh comes after). May be run again.
# shellcheck source=host-files.sh
source "$(dirname "$0")/host-files.sh"

stop_kubernetes() {
  local pod
  stop_unit seal-pod-network.service
  stop_unit kubelet.service
  if [ -S "$socket" ] && crictl -r "$socket" info >/dev/null 2>&1; then
    for pod in $(crictl -r "$socket" pods -q); do
      crictl -r "$socket" stopp "$pod" && crictl -r "$socket" rmp "$pod" || say "pod sandbox ${pod:0:13} could not be removed by containerd; its processes are ended below"
    done
  fi
  # Ends what is left of the pods, whoever started it.
  for pod in kubepods-besteffort.slice kubepods-burstable.slice kubepods.slice; do
    systemctl stop --quiet "$pod" 2>/dev/null || true # absent where no pod ever ran
  done
  # systemd does not know the cgroup v1 hierarchies in which runc alone made groups.
  find /sys/fs/cgroup -depth -type d -path '*/kubepods.slice*' -exec rmdir {} + 2>/dev/null || true # already gone
}

# clean_tables iptables|ip6tables ip|ip6: removes the chains of kube-proxy, kubelet, CNI and pod network; the rules of others stay.
clean_tables() {
  local table saved
  type -P "$1-save" >/dev/null || return 0
  for table in nat filter mangle; do
    saved=$("$1-save" -c -t "$table" 2>/dev/null) || continue
    grep -qE '(KUBE|CNI|SEAL)-' <<<"$saved" || continue
    grep -vE '(KUBE|CNI|SEAL)-' <<<"$saved" | "$1-restore" -w -c
    # With the nft backend a table stays behind that the host did not have before.
    if type -P nft >/dev/null && ! "$1-save" -t "$table" | grep -qE '^-A|^:\S+ -|^:\S+ DROP'; then
      nft delete table "$2" "$table" 2>/dev/null || true # not of the nft backend
    fi
  done
}

clean_network() {
  local name
  ip -4 -o route show proto 146 | awk '{ print $1 }' | while read -r name; do ip route del "$name" proto 146; done
  for name in cni0 kube-ipvs0; do ! ip link show "$name" >/dev/null 2>&1 || ip link del "$name"; done
  for name in /run/netns/cni-*; do [ ! -e "$name" ] || ip netns del "${name##*/}"; done
  clean_tables iptables ip
  clean_tables ip6tables ip6
}

restore_sysctls() {
  local line
  [ -e "$record/sysctl-before" ] || return 0
  while read -r line; do sysctl -q -w "$line" || say "could not restore $line"; done <"$record/sysctl-before"
}

remove_files() {
  local name
  unmount_below /var/lib/kubelet
  for name in /etc/kubernetes /var/lib/kubelet /var/lib/etcd /var/lib/cni /var/log/pods /var/log/containers /run/seal-pod-network \
    /usr/libexec/kubernetes /root/.kube/cache /etc/systemd/system/kubelet.service.d; do remove_tree "$name"; done
  for name in "$rootfs"/cni/*; do rm -f "/opt/cni/bin/${name##*/}"; done
  rm -f /etc/cni/net.d/10-seal-pod-network.conflist /etc/cni/net.d/10-seal-pod-network.new
  rm -f /etc/systemd/system/{kubelet,seal-pod-network}.service /etc/sysctl.d/99-seal-kubernetes.conf /etc/modules-load.d/seal-kubernetes.conf
  rm -f /usr/local/bin/{kubeadm,kubelet,kubectl}{,.seal-new} /usr/local/sbin/seal-pod-network{,.seal-new}
  if [ -e /etc/resolv.conf ] && grep -q "$mark" /etc/resolv.conf; then rm -f /etc/resolv.conf; fi
  remove_if_empty /root/.kube /opt/cni/bin /opt/cni /etc/cni/net.d /etc/cni /usr/libexec /usr/lib/modules
  systemctl daemon-reload
  systemctl reset-failed kubelet.service seal-pod-network.service 2>/dev/null || true # not failed
}

stop_kubernetes
say 'stopped the kubelet and all pods'
clean_network
say 'removed pod network, routes and packet filter rules'
restore_sysctls
remove_files
remove_tree "$record"
say 'removed Kubernetes from this host'
