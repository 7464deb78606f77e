import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import * as scripts from './host-scripts.ts';

const canUnshare = spawnSync('unshare', ['--mount', '--net', 'true']).status === 0;
const skip = canUnshare ? false : 'needs root and mount namespaces; the scripts around kubeadm were NOT tested';

/** Stands in for kubeadm: notes its call, leaves behind what a real one does, and fails half-way while /var/lib/fail exists. */
const kubeadm = `#!/bin/sh
echo "kubeadm $*" >>/var/lib/calls
case $1 in
  reset) rm -rf /etc/kubernetes/* ;;
  *) cp /etc/kubernetes/pki/ca.crt /etc/kubernetes/admin.conf; mkdir -p /var/lib/etcd/member; [ ! -e /var/lib/fail ] ;;
esac
`;
const environment =
  'MARK=/var/lib/base/joined-new BASE=/var/lib/base STAGING=/var/lib/base/kubeadm CRI_SOCKET=/run/x.sock SKIP_PHASES=addon/coredns';
const reset = 'kubeadm reset --force --cri-socket /run/x.sock --kubeconfig /nonexistent --skip-phases remove-etcd-member';
const init = 'kubeadm init --config /var/lib/base/kubeadm/kubeadm.yaml --skip-token-print --skip-phases addon/coredns';

/** Runs `scenario` on an empty /etc and /var/lib of its own, with the script as $SCRIPT; gives the calls of kubeadm and what is left. */
function onEmptyHost(script: string, scenario: string): { calls: string[]; left: string[] } {
  const folder = mkdtempSync(join(tmpdir(), 'seal-host-scripts-'));
  try {
    writeFileSync(join(folder, 'kubeadm'), kubeadm);
    chmodSync(join(folder, 'kubeadm'), 0o755);
    const text = `set -u
mount -t tmpfs none /var/lib && mount -t tmpfs none /etc || exit 99
mkdir -p /etc/kubernetes/manifests /var/lib/base/kubeadm/pki
echo CA >/var/lib/base/kubeadm/pki/ca.crt
export ${environment}
${scenario}
cp /var/lib/calls ${folder}/calls
find /etc/kubernetes /var/lib/etcd /var/lib/base -type f >${folder}/left
[ ! -d /var/lib/etcd/member ] || echo etcd-member >>${folder}/left`;
    const env = { PATH: `${folder}:/usr/sbin:/usr/bin:/sbin:/bin`, SCRIPT: script };
    execFileSync('unshare', ['--mount', '--net', '/bin/sh', '-c', text], { env, stdio: 'pipe' });
    const lines = (name: string) =>
      existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8').trim().split('\n') : [];
    return { calls: lines('calls'), left: lines('left').sort() };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('the scripts are what /bin/sh understands', () => {
  for (const [name, text] of Object.entries(scripts)) assert.equal(spawnSync('/bin/sh', ['-n', '-c', text]).status, 0, name);
});

test('kubeadm init runs once; asked again, a host that is done is left alone', { skip }, () => {
  const { calls, left } = onEmptyHost(scripts.initScript, 'sh -c "$SCRIPT" && sh -c "$SCRIPT"');
  assert.deepEqual(calls, [init]);
  assert.deepEqual(left, [
    '/etc/kubernetes/admin.conf',
    '/etc/kubernetes/pki/ca.crt',
    '/var/lib/base/joined-new',
    '/var/lib/base/kubeadm/pki/ca.crt',
    'etcd-member',
  ]);
});

test('an init that died half-way is reset before the next attempt, and its CAs are put back', { skip }, () => {
  const { calls, left } = onEmptyHost(
    scripts.initScript,
    'touch /var/lib/fail; ! sh -c "$SCRIPT" || exit 1; rm /var/lib/fail; sh -c "$SCRIPT"',
  );
  assert.deepEqual(calls, [init, reset, init]);
  assert.ok(left.includes('/etc/kubernetes/pki/ca.crt') && left.includes('/var/lib/base/joined-new'));
});

test('the mark of an older cluster does not count, and goes with its leftovers', { skip }, () => {
  const { calls, left } = onEmptyHost(
    scripts.initScript,
    'touch /var/lib/base/joined-old /etc/kubernetes/kubelet.conf; sh -c "$SCRIPT"',
  );
  assert.deepEqual(calls, [reset, init]);
  assert.ok(!left.includes('/var/lib/base/joined-old'));
});

test('a reset empties etcd, and succeeds where kubeadm never was', { skip }, () => {
  const { calls, left } = onEmptyHost(
    scripts.resetScript,
    'mkdir -p /var/lib/etcd/member; MARK= sh -c "$SCRIPT"; PATH=/usr/bin:/bin MARK= sh -c "$SCRIPT"',
  );
  assert.deepEqual(calls, [reset]);
  assert.deepEqual(left, ['/var/lib/base/kubeadm/pki/ca.crt']);
});
