/**
 * What Seal itself runs on hosts around kubeadm, as constant text for /bin/sh; everything that varies comes by environment.
 *
 * kubeadm can neither go on with nor start over an init or join that died half-way, so each attempt first takes away what an earlier
 * one left. INVARIANTS: $MARK exists only where kubeadm finished, and then nothing is touched; a host that may still be a voting
 * member of etcd is not wiped before the other members have let it go.
 */

const shared = `set -eu
leftovers() {
  for path in /etc/kubernetes/*.conf /etc/kubernetes/manifests/*.yaml /var/lib/kubelet/config.yaml /var/lib/etcd/member; do
    [ ! -e "$path" ] || return 0
  done
  return 1
}
# Only this host: the API may be away, and etcd membership is dealt with apart.
reset_host() {
  kubeadm reset --force --cri-socket "$CRI_SOCKET" --kubeconfig /nonexistent --skip-phases remove-etcd-member
  [ ! -d /var/lib/etcd ] || find /var/lib/etcd -xdev -mindepth 1 -delete
  rm -f "$BASE"/joined-*
}
place_pki() {
  rm -rf /etc/kubernetes/pki
  mkdir -p /etc/kubernetes
  [ ! -d "$STAGING/pki" ] || cp -a "$STAGING/pki" /etc/kubernetes/pki
}
finish() { : >"$MARK"; sync "$MARK"; }
if [ "\${MARK:-}" ] && [ -e "$MARK" ]; then
  echo 'kubeadm has done its work here before; nothing to do'
  exit 0
fi
set --
[ -z "\${SKIP_PHASES:-}" ] || set -- --skip-phases "$SKIP_PHASES"
`;

/** etcd's JSON gateway, asked through kubectl, which every image has: no etcdctl, no curl. */
const etcd = `etcd_call() {
  kubectl create --raw "$1" -f - --server "$2" --request-timeout=20s --certificate-authority /etc/kubernetes/pki/etcd/ca.crt \\
    --client-certificate /etc/kubernetes/pki/apiserver-etcd-client.crt --client-key /etc/kubernetes/pki/apiserver-etcd-client.key
}
etcd_healthy() {
  kubectl get --raw /health --server "$1" --request-timeout=20s --certificate-authority /etc/kubernetes/pki/etcd/ca.crt \\
    --client-certificate /etc/kubernetes/pki/apiserver-etcd-client.crt --client-key /etc/kubernetes/pki/apiserver-etcd-client.key 2>&1 | grep -q '"health":"true"'
}
# remove_member ENDPOINT PEER_URL. etcd refuses while it has no quorum, and for some seconds after any change of its members.
remove_member() {
  tries=0
  while :; do
    if etcd_healthy "$1" && members=$(printf '{}' | etcd_call /v3/cluster/member/list "$1"); then
      id=$(printf '%s' "$members" | tr '{' '\\n' | grep -F "\\"$2\\"" | sed -n 's/.*"ID":"\\([0-9]*\\)".*/\\1/p')
      if [ -z "$id" ]; then
        echo "$2 is no member of etcd"
        return 0
      fi
      if printf '{"ID":"%s"}' "$id" | etcd_call /v3/cluster/member/remove "$1" >/dev/null; then
        echo "$2 is no member of etcd any more"
        return 0
      fi
    fi
    tries=$((tries + 1))
    if [ "$tries" -ge 60 ]; then
      echo "etcd at $1 has refused for 2 minutes to let $2 go; it has no quorum. Bring back its other members first." >&2
      exit 1
    fi
    sleep 2
  done
}
`;

/** MARK BASE STAGING CRI_SOCKET SKIP_PHASES */
export const initScript = `${shared}if leftovers; then
  echo 'an earlier attempt was left unfinished on this host; it is reset first'
  reset_host
fi
place_pki
kubeadm init --config "$STAGING/kubeadm.yaml" --skip-token-print "$@"
finish
`;

/** As above, with NODE_NAME, ETCD_ENDPOINT (of another master) and PEER_URL (of this one). */
export const joinMasterScript = `${shared}${etcd}if leftovers; then
  echo 'an earlier attempt was left unfinished on this host; it is taken back first'
  if [ -e /etc/kubernetes/pki/apiserver-etcd-client.key ]; then remove_member "$ETCD_ENDPOINT" "$PEER_URL"; fi
  if [ -e /etc/kubernetes/admin.conf ]; then
    systemctl stop kubelet
    kubectl --kubeconfig /etc/kubernetes/admin.conf --request-timeout=30s delete node "$NODE_NAME" --ignore-not-found
  fi
  reset_host
fi
place_pki
kubeadm join --config "$STAGING/kubeadm.yaml" "$@"
finish
`;

/** As initScript, with NODE_NAME. A worker may not delete its Node; kubeadm joins again once the old one is not Ready. */
export const joinWorkerScript = `${shared}if leftovers; then
  echo 'an earlier attempt was left unfinished on this host; it is reset first'
  systemctl stop kubelet
  tries=0
  while ready=$(kubectl --kubeconfig /etc/kubernetes/kubelet.conf --request-timeout=10s get node "$NODE_NAME" \\
    -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}' 2>/dev/null) && [ "$ready" = True ] && [ "$tries" -lt 60 ]; do
    tries=$((tries + 1))
    sleep 2
  done
  reset_host
fi
place_pki
kubeadm join --config "$STAGING/kubeadm.yaml" "$@"
finish
`;

/** BASE CRI_SOCKET. Succeeds where kubeadm never was. */
export const resetScript = `${shared}if ! command -v kubeadm >/dev/null; then
  echo 'no kubeadm on this host; nothing to reset'
  exit 0
fi
reset_host
`;

/** ETCD_ENDPOINT of the master on which it runs, PEER_URL of the one that leaves. */
export const removeMemberScript = `set -eu
${etcd}remove_member "$ETCD_ENDPOINT" "$PEER_URL"
`;

/** ENDPOINTS, NEEDED: succeeds when so many of them say that they are healthy. Asks no more of them than it must. */
export const etcdQuorumScript = `set -eu
${etcd}healthy=0
for endpoint in $ENDPOINTS; do
  if etcd_healthy "$endpoint"; then
    healthy=$((healthy + 1))
    [ "$healthy" -lt "$NEEDED" ] || exit 0
  else
    echo "etcd at $endpoint is not healthy"
  fi
done
echo "etcd is healthy on $healthy of $ENDPOINTS, and $NEEDED are needed"
exit 1
`;

/** NODE_NAME */
export const daemonSetsScript = `set -eu
pods=$(kubectl --kubeconfig /etc/kubernetes/admin.conf --request-timeout 10s -n kube-system get pods --field-selector "spec.nodeName=$NODE_NAME" \\
  -o 'jsonpath={range .items[*]}{.metadata.ownerReferences[0].kind} {.metadata.name} {.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}')
waiting=$(printf '%s\\n' "$pods" | grep '^DaemonSet ' | grep -v ' True$' || :)
[ -n "$waiting" ] || exit 0
echo "not ready on $NODE_NAME:"
printf '%s\\n' "$waiting"
exit 1
`;

/** NODE_NAMES: those that the cluster has get the role; one that never joined is told of where it failed. */
export const labelWorkersScript = `set -eu
found=$(kubectl --kubeconfig /etc/kubernetes/admin.conf get node $NODE_NAMES --ignore-not-found -o name)
[ -n "$found" ] || exit 0
exec kubectl --kubeconfig /etc/kubernetes/admin.conf label --overwrite $found node-role.kubernetes.io/worker=
`;

/** The join token comes on stdin and never appears in arguments or output. */
export const openJoiningScript = `set -eu
IFS= read -r token || [ -n "$token" ]
kubectl --kubeconfig /etc/kubernetes/admin.conf apply -f - <<SECRET
apiVersion: v1
kind: Secret
metadata:
  name: bootstrap-token-\${token%%.*}
  namespace: kube-system
type: bootstrap.kubernetes.io/token
stringData:
  token-id: "\${token%%.*}"
  token-secret: "\${token#*.}"
  expiration: "$(date -u -d '+24 hours' +%Y-%m-%dT%H:%M:%SZ)"
  usage-bootstrap-authentication: "true"
  usage-bootstrap-signing: "true"
  auth-extra-groups: system:bootstrappers:kubeadm:default-node-token
SECRET
`;

export const closeJoiningScript = `set -eu
IFS= read -r token || [ -n "$token" ]
kubectl --kubeconfig /etc/kubernetes/admin.conf -n kube-system delete secret "bootstrap-token-\${token%%.*}" --ignore-not-found
`;

/** NODE_NAME, DRAIN_SECONDS, DRAIN_FLAGS. A node that the API does not know is drained. One that cannot be drained and is to stay takes pods again. */
export const drainScript = `set -eu
found=$(kubectl --kubeconfig /etc/kubernetes/admin.conf get node "$NODE_NAME" --ignore-not-found -o name)
if [ -z "$found" ]; then
  echo "the cluster has no node $NODE_NAME; nothing to drain"
  exit 0
fi
set --
[ -z "$DRAIN_FLAGS" ] || set -- "$DRAIN_FLAGS"
code=0
kubectl --kubeconfig /etc/kubernetes/admin.conf drain "$NODE_NAME" --ignore-daemonsets "$DELETE_LOCAL" --timeout "\${DRAIN_SECONDS}s" "$@" || code=$?
if [ "$code" -ne 0 ] && [ -z "$DRAIN_FLAGS" ]; then
  echo "the drain of $NODE_NAME did not end within $DRAIN_SECONDS s or was refused; the node takes pods again" >&2
  kubectl --kubeconfig /etc/kubernetes/admin.conf uncordon "$NODE_NAME"
fi
exit "$code"
`;
