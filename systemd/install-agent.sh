#!/bin/sh
# Installs the Seal agent on this host and enrols it with the server that served this script. Run it again to upgrade: the host stays
# the same node.
# Its options are in usage() below; behind the line that the server prints they go as  … | SEAL_TOKEN=… sh -s -- --replace
# Needs curl, openssl, sha256sum, tar and systemd. Trusts nothing before the server's CA has the pin that the token names, and then that
# CA alone.
set -eu
umask 077

default_server='@SERVER@'
lib=/usr/local/lib/seal/agent
bin=/usr/local/bin
unit=/etc/systemd/system/seal-agent.service
state=/var/lib/seal/agent
data=/var/lib/seal/data

usage() {
  cat <<'END'
Installs the Seal agent on this host. Options go behind "sh -s --" in the line that "sealctl token create" prints:
  { curl … } | SEAL_TOKEN=seal1.… sh -s -- --replace
  --token TOKEN | --token-file FILE   instead of SEAL_TOKEN in the environment
  --node-name NAME   another name than the host name
  --replace          this host was reinstalled, or changes its server: enrol anew (the token must be bound to the node's name)
  --server HOST:PORT another address of the server than the token's
  --uninstall        remove the agent and this host's identity; with --force although a cluster's files are still here
  --destdir DIR      install below DIR, start nothing (for building host images)
  --help             this
END
}

main() {
  token=${SEAL_TOKEN-} token_file='' node_name='' replace=no server='' uninstall=no force=no destdir=''
  unset SEAL_TOKEN
  while [ $# -gt 0 ]; do
    case $1 in
      --token | --token-file | --node-name | --server | --destdir)
        [ $# -ge 2 ] || fail 2 "USAGE: $1 needs a value"
        case $1 in
          --token) token=$2 ;;
          --token-file) token_file=$2 ;;
          --node-name) node_name=$2 ;;
          --server) server=$2 ;;
          --destdir) destdir=$2 ;;
        esac
        shift
        ;;
      --replace) replace=yes ;;
      --uninstall) uninstall=yes ;;
      --force) force=yes ;;
      --help | -h) usage; return ;;
      *) fail 2 "USAGE: unknown argument $1" 'See the options: … | sh -s -- --help' ;;
    esac
    shift
  done
  if [ -n "$destdir" ]; then
    lib=$destdir$lib bin=$destdir$bin unit=$destdir$unit state=$destdir$state data=$destdir$data
  else
    [ "$(id -u)" = 0 ] || fail 6 'NOT_ROOT: installing the agent needs root'
    [ -d /run/systemd/system ] || fail 5 'SYSTEMD_MISSING: this host does not run systemd'
  fi
  if [ "$uninstall" = yes ]; then uninstall; else install_agent; fi
}

install_agent() {
  for tool in curl openssl sha256sum tar; do
    command -v "$tool" >/dev/null || fail 5 "TOOL_MISSING: $tool is not installed" 'Install it with the package manager of this host.'
  done
  case $(uname -m) in
    x86_64) arch=amd64 ;;
    aarch64) arch=arm64 ;;
    *) fail 5 "AGENT_NOT_SERVED: there is no agent for the processor $(uname -m)" ;;
  esac
  work=$(mktemp -d)
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  read_token
  fetch_ca
  fetch_agent
  enrol
  put_in_place
  start
}

# Nothing of a try that failed stays: folders go when they are empty.
clean_up() {
  rm -rf "$work" "$lib.new"
  rmdir "$(dirname "$lib")" "$state" "$(dirname "$state")" 2>/dev/null || true
}

# Sets server and pin from the token and keeps the token in a file of mode 0600; it is in no argument from here on.
read_token() {
  if [ -n "$token_file" ]; then
    [ -r "$token_file" ] || fail 3 "FILE_UNUSABLE: the token file $token_file cannot be read"
    token=$(tr -d ' \t\r\n' <"$token_file")
  fi
  if [ -z "$token" ]; then
    [ -e "$state/identity" ] ||
      fail 2 'USAGE: no bootstrap token was given' 'Make one with "sealctl token create" and paste the line that it prints.'
    pin='' server=${server:-$default_server}
    return
  fi
  printf '%s' "$token" | grep -Eq '^seal1\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{27}\.[A-Za-z0-9_-]{43}(\.[A-Za-z0-9_-]+)?$' ||
    fail 6 'TOKEN_INVALID: the bootstrap token does not have the form seal1.<id>.<secret>.<pin>[.<server>]' \
      'Copy the whole token again: it is one word without line breaks.'
  printf '%s\n' "$token" >"$work/token"
  pin=$(cut -d. -f4 <"$work/token")
  if [ -z "$server" ]; then
    server=$(cut -d. -f5 <"$work/token" | tr '_-' '/+')
    while [ $((${#server} % 4)) -ne 0 ]; do server="$server="; done
    server=$(printf '%s' "$server" | openssl base64 -d -A)
    server=${server:-$default_server}
  fi
  token=''
}

# The CA is taken only when it is one certificate and its key has the pin. What is kept is written anew from that certificate alone.
fetch_ca() {
  mkdir "$work/no-other-ca"
  if [ -z "$pin" ]; then
    cp "$state/identity/ca.crt" "$work/ca.crt"
    return
  fi
  fetch /v1/ca.pem "$work/ca.download" --insecure
  blocks=$(grep -c -e '-----BEGIN' "$work/ca.download" || true)
  found=$(openssl x509 -in "$work/ca.download" -noout -pubkey 2>/dev/null | openssl pkey -pubin -outform DER 2>/dev/null |
    openssl dgst -sha256 -binary | openssl base64 -A | tr '/+' '_-' | tr -d '=')
  if [ "$blocks" != 1 ] || [ "$found" != "$pin" ]; then
    fail 6 "PIN_MISMATCH: the server $server showed another certificate authority than the one that the token pins" \
      'Check the address. If it is right, somebody stands between this host and the server, or the token is of another server. Nothing was installed.'
  fi
  openssl x509 -in "$work/ca.download" -out "$work/ca.crt"
}

fetch_agent() {
  say "fetching the agent for linux-$arch from $server"
  fetch "/v1/agent/linux-$arch.tar.gz.sha256" "$work/agent.sha256" --cacert "$work/ca.crt"
  fetch "/v1/agent/linux-$arch.tar.gz" "$work/agent.tar.gz" --cacert "$work/ca.crt"
  wanted=$(tr -cd '0-9a-f' <"$work/agent.sha256")
  got=$(sha256sum "$work/agent.tar.gz" | cut -d' ' -f1)
  [ "$wanted" = "$got" ] ||
    fail 1 "BLOB_DIGEST_MISMATCH: the agent's archive has the digest $got instead of $wanted" 'Run the line again.'
  rm -rf "$lib.new"
  (umask 022 && mkdir -p "$lib.new")
  tar -xzf "$work/agent.tar.gz" -C "$lib.new" --no-same-owner
  chmod -R u+rwX,go+rX,go-w "$lib.new"
}

# Done with the agent before it is put in place: when the token is refused, nothing of it stays.
enrol() {
  if [ ! -s "$work/token" ]; then
    say 'this host is enrolled already; upgrading its agent'
    return
  fi
  (umask 022 && mkdir -p "$(dirname "$state")")
  mkdir -p "$state"
  set -- --token-file "$work/token" --server "$server" --state-dir "$state"
  if [ -n "$node_name" ]; then set -- "$@" --node-name "$node_name"; fi
  if [ "$replace" = yes ]; then set -- "$@" --replace; fi
  "$lib.new/node" "$lib.new/seal-agent.mjs" enrol "$@" || exit $?
}

put_in_place() {
  rm -rf "$lib.old"
  if [ -d "$lib" ]; then mv "$lib" "$lib.old"; fi
  mv "$lib.new" "$lib"
  rm -rf "$lib.old"
  (umask 022 && mkdir -p "$bin" "$(dirname "$unit")")
  final=${lib#"$destdir"}
  printf '#!/bin/sh\nexec %s/node --disable-warning=ExperimentalWarning %s/seal-agent.mjs "$@"\n' "$final" "$final" >"$bin/seal-agent.new"
  chmod 0755 "$bin/seal-agent.new"
  mv -f "$bin/seal-agent.new" "$bin/seal-agent"
  cp "$lib/seal-agent.service" "$unit.new"
  chmod 0644 "$unit.new"
  mv -f "$unit.new" "$unit"
}

start() {
  if [ -n "$destdir" ]; then
    say "installed below $destdir; nothing was started"
    return
  fi
  systemctl daemon-reload
  systemctl enable --quiet seal-agent
  systemctl restart seal-agent
  say 'the agent runs. Check here: systemctl status seal-agent. Check on the server: sealctl nodes'
}

uninstall() {
  if [ "$force" = no ] && [ -d "$data" ] && [ -n "$(ls -A "$data")" ]; then
    fail 5 "NODE_IN_CLUSTER: $data holds files of a cluster" 'Delete this node from its cluster first ("sealctl delete -n"), or add --force.'
  fi
  if [ -z "$destdir" ]; then systemctl disable --quiet --now seal-agent 2>/dev/null || true; fi
  rm -rf "$unit" "$lib" "$lib.new" "$lib.old" "$bin/seal-agent" "$state"
  rmdir "$data" "$(dirname "$state")" "$(dirname "$lib")" 2>/dev/null || true
  if [ -z "$destdir" ]; then systemctl daemon-reload; fi
  say 'the agent and the identity of this host are gone'
}

# fetch PATH FILE CURL-OPTION…: no system CAs (an empty --capath), no proxy or other settings of the user's .curlrc.
fetch() {
  url=https://$server$1 file=$2
  shift 2
  code=$(curl -q --silent --show-error --tlsv1.3 --capath "$work/no-other-ca" --connect-timeout 10 --max-time 600 --retry 2 \
    --output "$file" --write-out '%{http_code}' "$@" "$url" 2>"$work/curl.error") || {
    status=$?
    if [ "$status" = 60 ]; then
      fail 6 "PIN_MISMATCH: the certificate of $server is not signed by the certificate authority that the token pins"
    fi
    fail 7 "SERVER_UNREACHABLE: cannot fetch $url: $(tr '\n' ' ' <"$work/curl.error")" \
      'Check that seal-server runs there and that this host reaches the port.'
  }
  [ "$code" = 200 ] || fail 7 "SERVER_UNREACHABLE: $url answered $code: $(head -c 500 "$file")"
}

say() {
  printf 'seal: %s\n' "$*"
}

# fail EXIT-CODE MESSAGE [REMEDY]
fail() {
  printf 'seal: %s\n' "$2" >&2
  if [ $# -gt 2 ]; then printf '      %s\n' "$3" >&2; fi
  exit "$1"
}

main "$@" </dev/null
