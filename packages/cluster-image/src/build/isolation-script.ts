/** Where the rootfs lies while a RUN looks at it, wherever the store is: what is built must not depend on that. */
export const isolatedRootfs = '/run/seal-rootfs';

/**
 * Runs as root in fresh mount and pid namespaces: `sh -c SCRIPT seal-run ROOTFS host|chroot NAME=VALUE… PROGRAM ARGUMENT…`.
 *
 * INVARIANTS: when PROGRAM starts, every mount it can reach is read-only but the rootfs and private tmpfs; /dev has no disk; /proc cannot
 * set sysctls; sockets below /run are out of sight; and it lacks the capabilities to undo any of this (no CAP_SYS_ADMIN, no CAP_MKNOD).
 */
export const isolationScript = String.raw`
set -eu
# What a RUN makes must not depend on who builds where.
umask 022
{ printf seal-build > /proc/sys/kernel/hostname; } 2>/dev/null || :
fail() { echo "seal: the build could not be isolated: $*" >&2; exit 125; }
rootfs=$1; mode=$2; shift 2
exec 9<"$rootfs" || fail "no rootfs"
resolv=$(cat /etc/resolv.conf 2>/dev/null || :)
resolv_path=$(readlink -f /etc/resolv.conf 2>/dev/null || :)
for d in /run /tmp /var/tmp; do
  [ -d "$d" ] && [ ! -L "$d" ] || continue
  permissions=1777; [ "$d" != /run ] || permissions=0755
  mount -t tmpfs -o mode=$permissions,nosuid,nodev seal-private "$d" || fail "no private $d"
done
mkdir /run/seal-rootfs /run/seal-dev
mount -c --bind /proc/self/fd/9 /run/seal-rootfs || fail "the rootfs cannot be bound"
exec 9<&-
printf '%s\n' "$resolv" > /run/seal-resolv.conf
case $resolv_path in
  /run/*|/tmp/*) mkdir -p "$(dirname "$resolv_path")"; cp /run/seal-resolv.conf "$resolv_path";;
esac
mount -t tmpfs -o mode=0755,nosuid seal-dev /run/seal-dev || fail "no private /dev"
for n in null zero full random urandom tty; do
  [ -e /dev/$n ] || continue
  : > /run/seal-dev/$n
  mount --bind /dev/$n /run/seal-dev/$n || fail "no /dev/$n"
done
mkdir -m 1777 /run/seal-dev/shm
ln -s /proc/self/fd /run/seal-dev/fd
ln -s /proc/self/fd/0 /run/seal-dev/stdin
ln -s /proc/self/fd/1 /run/seal-dev/stdout
ln -s /proc/self/fd/2 /run/seal-dev/stderr
mount --move /run/seal-dev /dev || fail "the private /dev cannot be put into place"
cat /proc/self/mountinfo > /run/seal-mounts
while read -r _ _ _ _ t _; do
  t=$(printf '%b' "$(printf '%s' "$t" | sed 's/\\\([0-7][0-7][0-7]\)/\\0\1/g')")
  case $t in /run|/run/seal-rootfs|/tmp|/var/tmp|/dev|/dev/*) continue;; esac
  [ -e "$t" ] || continue
  mount -o remount,bind,ro "$t" 2>/dev/null || :
  [ ! -w "$t" ] || fail "$t stays writable"
done < /run/seal-mounts
rm /run/seal-mounts
if [ "$mode" = chroot ]; then
  r=/run/seal-rootfs
  for d in dev sys; do
    if [ -d $r/$d ] && [ ! -L $r/$d ]; then mount --rbind /$d $r/$d || fail "no /$d inside"; fi
  done
  if [ -d $r/proc ] && [ ! -L $r/proc ]; then
    mount -t proc proc $r/proc && mount -o remount,bind,ro $r/proc || fail "no /proc inside"
  fi
  if [ -f $r/etc/resolv.conf ] && [ ! -L $r/etc/resolv.conf ] && [ ! -L $r/etc ]; then
    mount --bind /run/seal-resolv.conf $r/etc/resolv.conf || fail "no resolv.conf inside"
  fi
fi
cd /run/seal-rootfs
capabilities=-all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setfcap,+net_bind_service,+sys_chroot
exec setpriv --bounding-set $capabilities --inh-caps -all env -i "$@"
`;
