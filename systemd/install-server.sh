#!/bin/sh
# Installs the Seal server from the unpacked archive that this script lies in, and starts it. Run it again to upgrade: state stays.
#   install-server.sh [--address ADDRESS] [--uninstall [--purge]]
# ADDRESS is what agents and operators reach this server by; the first global address of the host by default.
set -eu

lib=/usr/local/lib/seal/server
bin=/usr/local/bin
unit=/etc/systemd/system/seal-server.service

main() {
  address='' uninstall=no purge=no
  while [ $# -gt 0 ]; do
    case $1 in
      --address) [ $# -ge 2 ] || fail 2 'USAGE: --address needs a value'; address=$2; shift ;;
      --uninstall) uninstall=yes ;;
      --purge) purge=yes ;;
      *) fail 2 "USAGE: unknown argument $1" ;;
    esac
    shift
  done
  [ "$(id -u)" = 0 ] || fail 6 'NOT_ROOT: installing the server needs root'
  [ -d /run/systemd/system ] || fail 5 'SYSTEMD_MISSING: this host does not run systemd'
  if [ "$uninstall" = yes ]; then uninstall; else install_server; fi
}

install_server() {
  from=$(cd "$(dirname "$0")/.." && pwd)
  [ -f "$from/seal-server.mjs" ] || fail 3 "FILE_UNUSABLE: $from is not an unpacked server archive (seal-server.mjs is missing)"
  case $address in *[!A-Za-z0-9.:-]*) fail 2 "USAGE: \"$address\" is not an address or a host name" ;; esac

  install -d -m 0755 /etc/seal "$bin"
  rm -rf "$lib.new" && install -d -m 0755 "$lib.new"
  cp -R "$from/." "$lib.new/"
  chmod -R u+rwX,go+rX,go-w "$lib.new"
  chown -R 0:0 "$lib.new"
  rm -rf "$lib.old"
  if [ -d "$lib" ]; then mv "$lib" "$lib.old"; fi
  mv "$lib.new" "$lib"
  rm -rf "$lib.old"

  wrap seal-server seal-server.mjs
  wrap sealctl sealctl/sealctl.mjs
  if [ -n "$address" ]; then set_address; fi
  create_user
  install -m 0644 "$lib/systemd/seal-server.service" "$unit"
  systemctl daemon-reload
  systemctl enable --quiet seal-server
  # It waits until the server answers. Why one does not start is told below.
  systemctl restart seal-server || echo 'install-server.sh: systemd did not get seal-server to start; looking whether it comes' >&2
  wait_ready
  echo "seal-server $(cat "$lib/VERSION" 2>/dev/null || echo '(unknown version)') runs. Next: sealctl token create"
}

wrap() {
  printf '#!/bin/sh\nexec %s/node --disable-warning=ExperimentalWarning %s/%s "$@"\n' "$lib" "$lib" "$2" >"$bin/$1.new"
  chmod 0755 "$bin/$1.new"
  mv -f "$bin/$1.new" "$bin/$1"
}

set_address() {
  config=/etc/seal/server.yaml
  if [ -f "$config" ]; then sed '/^address:/d' "$config" >"$config.new"; else : >"$config.new"; fi
  printf "address: '%s'\n" "$address" >>"$config.new"
  chmod 0644 "$config.new"
  mv -f "$config.new" "$config"
}

create_user() {
  if id seal-server >/dev/null 2>&1; then return; fi
  if command -v systemd-sysusers >/dev/null; then systemd-sysusers "$lib/systemd/sysusers.conf" >/dev/null 2>&1 || true; fi
  id seal-server >/dev/null 2>&1 ||
    useradd --system --user-group --no-create-home --home-dir /var/lib/seal/server --shell /usr/sbin/nologin seal-server
}

wait_ready() {
  waited=0
  # Asked, not looked at: an older server may have left its socket.
  until "$bin/sealctl" --server unix:/run/seal/server.sock version --remote >/dev/null 2>&1; do
    waited=$((waited + 1))
    if [ "$waited" -gt 60 ]; then
      journalctl --unit=seal-server --lines=20 --no-pager >&2 || true
      fail 7 'SERVER_UNREACHABLE: seal-server does not answer on /run/seal/server.sock; its last lines are above'
    fi
    sleep 0.5
  done
}

uninstall() {
  systemctl disable --quiet --now seal-server 2>/dev/null || true
  rm -rf "$unit" "$lib" "$lib.new" "$lib.old" "$bin/seal-server" "$bin/sealctl"
  systemctl daemon-reload
  if [ "$purge" = yes ]; then
    rm -rf /var/lib/seal/server /etc/seal/server.yaml
    if id seal-server >/dev/null 2>&1; then userdel seal-server; fi
    rmdir /var/lib/seal /etc/seal 2>/dev/null || true
    echo 'seal-server, its state and its identity are gone.'
  else
    echo 'seal-server is gone; its state is kept in /var/lib/seal/server (--purge removes it).'
  fi
}

fail() {
  status=$1
  shift
  printf 'install-server.sh: %s\n' "$*" >&2
  exit "$status"
}

main "$@"
