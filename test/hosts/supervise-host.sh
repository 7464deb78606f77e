#!/bin/sh
# Keeps one lab host running for as long as it wants to run, also after the process that made the lab has ended.
#   supervise-host.sh NSPAWN-ARGUMENT...
# From the environment: KEEPER_CGROUPS, BOOT_CGROUPS, HOST_NETNS, HUB_NETNS, PORT (the bridge's end of the host's cable),
# HOST_ADDRESS (with prefix length), HOST_MAC, GATEWAY, SHAPE_FILE.
# Every boot gets a fresh network namespace, as a real machine forgets its addresses, routes and packet filters; the cable stays,
# because what a test did to it (cut, loss) lies at the bridge's end and must outlast a reboot.
set -u

for cgroup in $KEEPER_CGROUPS; do
  echo $$ > "$cgroup/cgroup.procs" || exit 1 # the lab is being removed
done

fresh_network() {
  spare="spare-$PORT"
  if [ -e "/run/netns/$HOST_NETNS" ]; then
    ip -n "$HOST_NETNS" link set dev eth0 netns "$HUB_NETNS" name "$spare"
    ip netns del "$HOST_NETNS"
  fi
  ip netns add "$HOST_NETNS" || return 1
  if ! ip -n "$HUB_NETNS" link show "$spare" > /dev/null 2>&1; then
    ip -n "$HUB_NETNS" link add "$PORT" type veth peer name "$spare" address "$HOST_MAC" || return 1
    ip -n "$HUB_NETNS" link set "$PORT" master br0 up || return 1
  fi
  nsenter --net="/run/netns/$HOST_NETNS" sh -c 'for scope in all default; do
    echo 1 > "/proc/sys/net/ipv6/conf/$scope/disable_ipv6"; done 2> /dev/null'
  ip -n "$HUB_NETNS" link set dev "$spare" netns "$HOST_NETNS" name eth0 || return 1
  ip -n "$HOST_NETNS" -batch - << EOF || return 1
link set lo up
link set eth0 up
addr add $HOST_ADDRESS dev eth0
route add default via $GATEWAY
EOF
  [ ! -e "$SHAPE_FILE" ] || nsenter --net="/run/netns/$HOST_NETNS" tc qdisc replace dev eth0 root tbf \
    rate "$(cat "$SHAPE_FILE")" burst 32kb latency 50ms
}

while :; do
  fresh_network || { echo "seal-lab: cannot make the network of $HOST_NETNS"; exit 1; }
  # With --keep-unit, nspawn ends with 133 when the host asked for a reboot.
  sh -c 'for cgroup in $BOOT_CGROUPS; do echo $$ > "$cgroup/cgroup.procs" || exit 1; done; exec systemd-nspawn "$@"' sh "$@"
  code=$?
  echo "seal-lab: nspawn ended with $code"
  [ "$code" -eq 133 ] || exit "$code"
done
