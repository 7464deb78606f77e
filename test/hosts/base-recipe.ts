import { createHash } from 'node:crypto';

/** What the base tree is made of. A change of any part gives another hash, hence another tree in the cache. */
export interface BaseRecipe {
  suite: string;
  packages: readonly string[];
  maskedUnits: readonly string[];
  /** Path in the tree to content and mode. */
  files: Readonly<Record<string, { content: string; mode?: number }>>;
}

/** A plain Debian 12 server that may become a Kubernetes node: no container runtime, nothing of Kubernetes. */
export const baseRecipe: BaseRecipe = {
  suite: 'bookworm',
  packages: [
    ...['systemd-sysv', 'dbus', 'procps', 'util-linux', 'mount', 'kmod', 'e2fsprogs', 'xz-utils', 'less', 'netbase'],
    ...['ca-certificates', 'curl', 'openssl'],
    ...['iproute2', 'iputils-ping', 'iptables', 'nftables', 'ebtables', 'conntrack', 'ipset', 'ethtool', 'socat'],
  ],
  maskedUnits: [
    'getty@tty1.service',
    'getty.target',
    'getty-static.service',
    'console-getty.service',
    'apt-daily.timer',
    'apt-daily-upgrade.timer',
    'dpkg-db-backup.timer',
    'e2scrub_all.timer',
    'e2scrub_reap.service',
    'fstrim.timer',
    'systemd-ask-password-console.path',
    'systemd-ask-password-wall.path',
    'systemd-firstboot.service',
    'systemd-hwdb-update.service',
    'systemd-modules-load.service',
    'systemd-networkd.service',
    'systemd-networkd-wait-online.service',
    'systemd-pcrphase.service',
    'systemd-pcrphase-sysinit.service',
    'systemd-random-seed.service',
    'systemd-resolved.service',
    'systemd-timesyncd.service',
    'systemd-udevd.service',
    'systemd-udev-trigger.service',
    'systemd-udevd-control.socket',
    'systemd-udevd-kernel.socket',
    'systemd-update-utmp.service',
    'systemd-update-utmp-runlevel.service',
    // The machine's debug and trace file systems are nobody's business in a host.
    'sys-kernel-debug.mount',
    'sys-kernel-tracing.mount',
    'nftables.service',
    'netfilter-persistent.service',
  ],
  files: {
    'etc/systemd/journald.conf.d/50-lab.conf': {
      content: '[Journal]\nStorage=persistent\nSystemMaxUse=64M\nForwardToConsole=no\nRateLimitBurst=0\n',
    },
    'etc/systemd/system.conf.d/50-lab.conf': { content: '[Manager]\nDefaultTimeoutStopSec=10s\nShowStatus=no\n' },
    'usr/local/lib/seal-lab/init': { content: hostInit(), mode: 0o755 },
  },
};

/** Twelve hexadecimal digits that name the tree this recipe makes. */
export function recipeHash(recipe: BaseRecipe): string {
  return createHash('sha256').update(JSON.stringify(recipe)).digest('hex').slice(0, 12);
}

/**
 * Runs as process 1 of a host just before systemd. The kubelet needs writable cgroup controllers and a few kernel settings;
 * those settings are the machine's, not the host's, so the host gets plain files in their place and the rest read-only.
 */
function hostInit(): string {
  return `#!/bin/sh
for directory in /sys/fs/cgroup /sys/fs/cgroup/*/; do
  mountpoint -q "$directory" && mount -o remount,bind,rw "$directory"
done
mount -o remount,bind,ro /sys
mount --rbind /proc/sys /proc/sys
mount --bind /proc/sys/net /proc/sys/net
mount -o remount,bind,ro /proc/sys
[ ! -e /proc/sysrq-trigger ] || mount --bind /dev/null /proc/sysrq-trigger
for setting in vm/overcommit_memory vm/panic_on_oom vm/swappiness vm/max_map_count vm/drop_caches \\
    kernel/panic kernel/panic_on_oops kernel/pid_max kernel/core_pattern kernel/keys/root_maxkeys kernel/keys/root_maxbytes \\
    fs/file-max fs/inotify/max_user_instances fs/inotify/max_user_watches \\
    fs/protected_fifos fs/protected_hardlinks fs/protected_regular fs/protected_symlinks; do
  [ -e "/proc/sys/$setting" ] || continue
  copy="/run/seal-lab/sysctl/$setting"
  mkdir -p "\${copy%/*}"
  cat "/proc/sys/$setting" > "$copy" 2>/dev/null || : > "$copy"
  mount --bind "$copy" "/proc/sys/$setting"
done
exec /lib/systemd/systemd
`;
}
