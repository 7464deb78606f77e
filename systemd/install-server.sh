#!/bin/sh
# Installs the Seal server of this unpacked archive as a systemd unit. Running it again upgrades; state in /var/lib/seal/server is kept.
#   install-server.sh [--address ADDRESS]     address (or name) under which agents and operators reach this machine
#   install-server.sh --uninstall [--purge]   remove the programs and the unit; with --purge the server's state too
set -eu

lib=/usr/local/lib/seal/server
bin=/usr/local/bin
unit=/etc/systemd/system/seal-server.service
config=/etc/seal/server.yaml
here=$(cd "$(dirname "$0")/.." && pwd)

fail() { # CODE MESSAGE REMEDY EXIT
  printf '%s: %s\n%s\n' "$1" "$2" "$3" >&2
  exit "$4"
}

install_server() {
  [ -x "$here/node" ] || fail USAGE "$here is not an unpacked Seal archive: there is no node in it" "Unpack seal-server-VERSION-linux-ARCH.tar.gz and run its systemd/install-server.sh." 2
  free=$(df -Pk /usr/local | awk 'NR == 2 { print int($4 / 1024) }')
  [ "$free" -ge 400 ] || fail DISK_FULL "only $free MiB are free below /usr/local, the server needs 400" "Make room there." 5
  mkdir -p "$lib.new" "$bin" /etc/seal /var/lib/seal/server
  chmod 700 /var/lib/seal/server
  cp -R "$here/." "$lib.new/"
  rm -rf "$lib.old"
  [ ! -d "$lib" ] || mv "$lib" "$lib.old"
  mv "$lib.new" "$lib"
  rm -rf "$lib.old"
  for program in seal-server sealctl; do
    printf '#!/bin/sh\nexec %s/node --disable-warning=ExperimentalWarning %s/%s.mjs "$@"\n' "$lib" "$lib" "$program" >"$bin/$program.new"
    chmod 755 "$bin/$program.new"
    mv "$bin/$program.new" "$bin/$program"
  done
  if [ -n "$address" ]; then
    { [ ! -f "$config" ] || grep -v '^address:' "$config" || true; printf 'address: %s\n' "$address"; } >"$config.new"
    mv "$config.new" "$config"
  fi
  cp "$lib/systemd/seal-server.service" "$unit"
  systemctl daemon-reload
  systemctl enable --quiet seal-server
  systemctl restart seal-server
  wait_until_serving
  echo "seal-server $(cat "$lib/VERSION") runs. Next: sealctl token create"
}

# A unit that starts and dies is no success: wait until it answers on its socket.
wait_until_serving() {
  tries=0
  until "$bin/sealctl" version >/dev/null 2>&1; do
    tries=$((tries + 1))
    if [ "$tries" -ge 60 ] || systemctl is-failed --quiet seal-server; then
      journalctl --unit seal-server --lines 20 --no-pager >&2 || true
      fail TIMEOUT "seal-server does not answer on /run/seal/server.sock" "The lines above are its log; mend the cause and run this again." 8
    fi
    sleep 0.5
  done
}

uninstall_server() {
  systemctl disable --quiet --now seal-server 2>/dev/null || true
  rm -rf "$unit" "$lib" "$bin/seal-server" "$bin/sealctl" /run/seal
  systemctl daemon-reload
  if [ "$purge" = yes ]; then
    rm -rf /var/lib/seal/server "$config"
    echo "seal-server and its state are removed"
  else
    echo "seal-server is removed; its state stays in /var/lib/seal/server (--purge removes it)"
  fi
}

address=
purge=no
action=install_server
while [ $# -gt 0 ]; do
  case $1 in
    --address)
      [ $# -ge 2 ] || fail USAGE "--address needs a value" "Give the address under which agents reach this machine." 2
      address=$2
      shift
      ;;
    --uninstall) action=uninstall_server ;;
    --purge) purge=yes ;;
    -h | --help)
      sed -n '2,4s/^# //p' "$0"
      exit 0
      ;;
    *) fail USAGE "unknown argument \"$1\"" "See $0 --help." 2 ;;
  esac
  shift
done
[ "$(id -u)" = 0 ] || fail NOT_ROOT "this must be run as root, not as user id $(id -u)" "Run it with sudo." 6
command -v systemctl >/dev/null || fail USAGE "this machine has no systemctl" "Install on a machine with systemd." 2
"$action"
