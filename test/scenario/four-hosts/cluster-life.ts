import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SealLab } from '../../deploy/seal-lab.ts';
import { effectsOfInstall, effectsOn, image } from '../scenario-image.ts';

/** A cluster from its plan to its removal; needs a server without operations. */
export function clusterLife(seal: () => SealLab): void {
  describe('the life of a cluster', () => {
    const ip = (name: string) => seal().host(name).ip;

    it('shows the plan beforehand and touches nothing', async () => {
      const text = await seal().mustSealctl('plan', 'run', image, '-m', ip('m1'), '-n', ip('n1'));
      assert.match(text, /containerd\.sh/);
      assert.match(text, /kubeadm init/);
      assert.deepEqual(await effectsOn(seal().host('m1')), {});
      assert.deepEqual(await seal().json('status'), []);
      assert.deepEqual(await seal().json('operation', 'list'), []);
    });

    it('runs each script once on each node and makes the members known', async () => {
      const output = await seal().mustSealctl('run', image, '-m', ip('m1'), '-n', ip('n1'), '-e', 'Colour=green', '--yes');
      assert.match(output, /join-workers/);
      assert.deepEqual(await effectsOn(seal().host('m1')), effectsOfInstall.master);
      assert.deepEqual(await effectsOn(seal().host('n1')), effectsOfInstall.worker);
      assert.deepEqual(await effectsOn(seal().host('n2')), {});
      const [cluster] =
        await seal().json<{ state: string; members: { name: string; role: string; state: string }[] }[]>('status');
      assert.equal(cluster?.state, 'ready');
      assert.deepEqual(
        cluster?.members.map(({ name, role, state }) => `${name} ${role} ${state}`),
        ['m1 master ready', 'n1 worker ready'],
      );
    });

    it('renders templates with the environment of image and cluster', async () => {
      const rootfs = '/var/lib/seal/data/default/rootfs';
      assert.equal(await seal().host('n1').sh(`cat ${rootfs}/manifests/greeting.txt`), 'cluster default greets with hello');
    });

    it('keeps the output of every step for later', async () => {
      const [operation] = await seal().json<{ id: string }[]>('operation', 'list');
      const logs = await seal().mustSealctl('operation', 'logs', operation?.id ?? '');
      assert.match(logs, /containerd on m1 role master/);
      assert.match(logs, /\[join\] done/);
    });

    it('leaves no key and no token behind, neither on the nodes nor in the log', async () => {
      for (const name of ['m1', 'n1'])
        assert.equal(await seal().host(name).sh('ls /var/lib/seal/data/default | grep -x kubeadm || true'), '');
      const token = await seal()
        .host('n1')
        .sh("sed -n 's/.*token: \"\\?\\([a-z0-9]\\{6\\}\\.[a-z0-9]\\{16\\}\\).*/\\1/p' /etc/kubernetes/join-seen.yaml | head -1");
      assert.match(token, /^[a-z0-9]{6}\.[a-z0-9]{16}$/);
      const found = await seal().server.sh(`grep -a -l '${token.slice(7)}' /var/lib/seal/server/state.db* || true`);
      assert.equal(found, '');
      const onNode = await seal()
        .host('n1')
        .sh(`grep -a -r -l '${token.slice(7)}' /var/lib/seal/agent || true`);
      assert.equal(onNode, '');
    });

    it('has its rootfs again after a node rebooted', async () => {
      await seal().host('n1').reboot();
      await seal().untilConnected('n1');
      assert.match(await seal().host('n1').sh('ls /var/lib/seal/data/default/rootfs/scripts'), /containerd\.sh/);
    });

    it('moves only the layer that changed', async () => {
      await seal().server.sh("cp -r /root/image /root/changed && echo 'echo changed' >> /root/changed/scripts/clean.sh");
      await seal().mustSealctl('build', '-t', 'scripts:2', '-f', '/root/changed/Kubefile', '/root/changed');
      type Inspected = { manifest: { layers: { digest: string }[] } };
      const layersOf = async (name: string) =>
        (await seal().json<Inspected>('inspect', name)).manifest.layers.map((layer) => layer.digest);
      const [old, fresh] = [await layersOf(image), await layersOf('scripts:2')];
      assert.equal(fresh.filter((digest) => !old.includes(digest)).length, 1);
      const before_ = await seal().host('n1').sh('cd /var/lib/seal/agent/layers; ls -d sha256-* | grep -v "[.]used$"');
      await seal().mustSealctl('delete', '-a', '--yes');
      await seal().mustSealctl('run', 'scripts:2', '-m', ip('m1'), '-n', ip('n1'), '--yes');
      const after_ = await seal().host('n1').sh('cd /var/lib/seal/agent/layers; ls -d sha256-* | grep -v "[.]used$"');
      const added = after_.split('\n').filter((name) => !before_.split('\n').includes(name));
      assert.equal(added.length, 1, `new layers on n1: ${added.join(' ')}`);
    });

    it('takes a worker in by scale-up and gives it away by delete, cleaned', async () => {
      await seal().mustSealctl('scale-up', '-n', ip('n2'), '--yes');
      assert.deepEqual(await effectsOn(seal().host('n2')), effectsOfInstall.worker);
      await seal().mustSealctl('delete', '-n', ip('n2'), '--yes');
      const effects = await effectsOn(seal().host('n2'));
      assert.equal(effects.kubeadm_reset, 1);
      assert.equal(effects.clean, 1);
      assert.equal(effects.uninstall_containerd, 1);
      assert.equal(await seal().host('n2').sh('ls /var/lib/seal/data 2>/dev/null || true; grep -c seal /etc/hosts || true'), '0');
      assert.match(await seal().host('m1').sh('cat /var/log/seal-scenario/kubectl'), /delete node n2/);
    });

    it('asks before it deletes, and refuses where nobody can answer', async () => {
      const { code, stderr } = await seal().sealctl(['delete', '-a']);
      assert.equal(code, 2);
      assert.match(stderr, /--yes/);
      assert.equal((await seal().json<unknown[]>('status')).length, 1);
    });

    it('is removed whole by delete -a; the agents stay enrolled', async () => {
      await seal().mustSealctl('delete', '-a', '--yes');
      assert.deepEqual(await seal().json('status'), []);
      for (const name of ['m1', 'n1']) assert.equal(await seal().host(name).sh('ls /var/lib/seal/data 2>/dev/null || true'), '');
      await seal().untilConnected('m1', 'n1', 'n2');
    });
  });
}
