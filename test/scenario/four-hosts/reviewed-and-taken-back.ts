import assert from 'node:assert/strict';
import { afterEach, before, describe, it } from 'node:test';
import type { SealLab } from '../../deploy/seal-lab.ts';
import { pollUntil } from '../../hosts/index.ts';
import { ended, newest, startRun, untilPausing } from '../operation-control.ts';
import { clearAway, effectsOfInstall, effectsOn, image } from '../scenario-image.ts';

interface Cluster {
  readonly state: string;
  readonly members: readonly { readonly name: string; readonly role: string; readonly state: string }[];
}

/** Operations that are reviewed, limited, watched or taken back. */
export function reviewedAndTakenBack(seal: () => SealLab): void {
  describe('an operation that is reviewed, limited, watched or taken back', () => {
    const agents = ['m1', 'm2', 'n1', 'n2'];
    const host = (name: string) => seal().host(name);
    const ip = (name: string) => host(name).ip;
    before(() => clearAway(seal(), agents));
    afterEach(async () => {
      await Promise.all(agents.map((name) => host(name).sh('rm -f /run/etcd-dead /run/kubeadm-fails /run/not-ready')));
      await clearAway(seal(), agents);
    });

    const members = async () => {
      const [cluster] = await seal().json<Cluster[]>('status');
      return cluster?.members.map(({ name, role, state }) => `${name} ${role} ${state}`);
    };

    it('rollback of a failed installation leaves every node as it was found, and the host free for the next', async () => {
      const places = '/etc/kubernetes /var/lib/kubelet /var/lib/seal/data /etc/cni /opt/cni';
      const found = () =>
        Promise.all(
          ['m1', 'n1'].map((name) =>
            host(name).sh(`find ${places} -type f 2>/dev/null | sort || true; cat /etc/hosts; mount | grep -c seal/data || true`),
          ),
        );
      const before_ = await found();
      const args = ['run', image, '-m', ip('m1'), '-n', ip('n1'), '-e', 'FAIL_init_kube=n1', '--yes'];
      assert.equal((await seal().sealctl(args)).code, 1);
      const { id } = await newest(seal());
      assert.notDeepEqual(await found(), before_);
      const said = await seal().sealctl(['operation', 'rollback', id, '--yes']);
      assert.equal(said.code, 0, said.stderr);
      assert.match(said.stdout + said.stderr, new RegExp(`roll back ${id}`));
      assert.deepEqual(await found(), before_);
      assert.deepEqual(await seal().json('status'), []);
      assert.deepEqual(await effectsOn(host('m1')), {
        containerd: 1,
        init_kube: 1,
        clean: 1,
        uninstall_containerd: 1,
        kubeadm_reset: 1,
      });
      const shown = await seal().mustSealctl('operation', 'show', id);
      assert.match(shown, new RegExp(`Taken back by: +${(await newest(seal())).id}`));
      const again = await seal().sealctl(['operation', 'rollback', id, '--yes']);
      assert.equal(again.code, 5, again.stderr);
    });

    it('apply -f makes, extends and shrinks a cluster until nothing differs, and then says so', async () => {
      const clusterfile = (...workers: string[]) =>
        seal().server.writeFile(
          '/root/Clusterfile',
          [
            'apiVersion: sealer.cloud/v2',
            'kind: Cluster',
            'metadata: { name: default }',
            'spec:',
            `  image: ${image}`,
            '  hosts:',
            `    - { ips: [${ip('m1')}], roles: [master] }`,
            `    - { ips: [${workers.map(ip).join(', ')}], roles: [node] }`,
          ].join('\n'),
        );
      const apply = ['apply', '-f', '/root/Clusterfile', '--yes'];
      await clusterfile('n1');
      await seal().mustSealctl(...apply);
      assert.deepEqual(await members(), ['m1 master ready', 'n1 worker ready']);
      const operations = await seal().json<unknown[]>('operation', 'list');
      assert.match((await seal().sealctl(apply)).stderr, /Nothing to do/);
      assert.equal((await seal().json<unknown[]>('operation', 'list')).length, operations.length);
      await clusterfile('n2');
      await seal().mustSealctl(...apply);
      assert.deepEqual(await members(), ['m1 master ready', 'n2 worker ready']);
      assert.deepEqual(await effectsOn(host('n2')), effectsOfInstall.worker);
      assert.equal((await effectsOn(host('n1'))).kubeadm_reset, 1);
      assert.match((await seal().sealctl(apply)).stderr, /Nothing to do/);
    });

    it('apply --plan runs the saved plan, once; a plan that the cluster has outrun is refused', async () => {
      const save = async (...args: string[]) => {
        const saved = await seal().json<{ id: string; cluster: string }>('plan', ...args, '--save');
        return saved.id;
      };
      const install = await save('run', image, '-m', ip('m1'));
      assert.deepEqual(await effectsOn(host('m1')), {});
      await seal().mustSealctl('apply', '--plan', install);
      assert.deepEqual(await effectsOn(host('m1')), effectsOfInstall.master);
      assert.match((await seal().sealctl(['apply', '--plan', install])).stderr, /PLAN_NOT_FOUND/);
      const [first, second] = [await save('scale-up', '-n', ip('n1')), await save('scale-up', '-n', ip('n2'))];
      await seal().mustSealctl('apply', '--plan', first);
      const stale = await seal().sealctl(['apply', '--plan', second]);
      assert.match(stale.stderr, /PLAN_STALE/);
      assert.deepEqual(await effectsOn(host('n2')), {});
      assert.deepEqual(await members(), ['m1 master ready', 'n1 worker ready']);
    });

    it('--continue leaves a worker that fails and brings the others in; resume --skip-node ends without it', async () => {
      const args = ['-m', ip('m1'), '-n', `${ip('n1')},${ip('n2')}`, '-e', 'FAIL_init_kube=n1', '--continue', '--yes'];
      const { code, stderr } = await seal().sealctl(['run', image, ...args]);
      assert.equal(code, 1);
      assert.match(stderr, /n1/);
      assert.deepEqual(await effectsOn(host('n2')), effectsOfInstall.worker);
      assert.deepEqual(await effectsOn(host('n1')), { containerd: 1 });
      const { id } = await newest(seal());
      await seal().mustSealctl('operation', 'resume', id, '--skip-node', 'n1');
      assert.equal((await newest(seal())).status, 'SUCCEEDED');
      assert.deepEqual(await effectsOn(host('m1')), effectsOfInstall.master);
      assert.deepEqual(await effectsOn(host('n2')), effectsOfInstall.worker);
      assert.deepEqual(await effectsOn(host('n1')), { containerd: 1 });
      assert.ok((await members())?.includes('n2 worker ready'));
      await seal()
        .mustSealctl('operation', 'show', id)
        .then((shown) => assert.match(shown, /n1 .*SKIPPED/));
    });

    /** Waits until the operation has printed that, and ends it there. */
    const cancelAt = async (id: string, printed: RegExp) => {
      await pollUntil(async () => printed.test(await seal().mustSealctl('operation', 'logs', id)) || undefined, {
        timeoutSeconds: 60,
        describe: () => `operation ${id} has not printed ${printed}`,
      });
      await seal().mustSealctl('operation', 'cancel', id);
      assert.equal((await ended(seal(), id)).status, 'CANCELLED');
    };

    it('a gate holds up what comes after it: a node that is not Ready is no member that is ready', async () => {
      await host('m1').sh('touch /run/not-ready');
      const id = await startRun(seal(), [image, '-m', ip('m1')]);
      await cancelAt(id, /waiting for node m1 Ready\n.*not yet/);
      assert.notEqual((await seal().json<Cluster[]>('status'))[0]?.state, 'ready');
      await host('m1').sh('rm /run/not-ready');
      await seal().mustSealctl('operation', 'resume', id);
      assert.deepEqual(await members(), ['m1 master ready']);
      assert.deepEqual(await effectsOn(host('m1')), effectsOfInstall.master);
    });

    it('19 etcd member dies before, and between gate and join of a master: neither is begun over it, resume goes on', async () => {
      await seal().mustSealctl('run', image, '-m', ip('m1'), '--yes');
      await host('m1').sh('touch /run/etcd-dead');
      await seal().mustSealctl('scale-up', '-m', ip('m2'), '--yes', '--detach');
      const { id } = await newest(seal());
      await cancelAt(id, /etcd is healthy on 0 of/);
      assert.equal((await effectsOn(host('m2'))).kubeadm_join, undefined);
      // The gate is passed; kubeadm, which looks again, finds the member dead.
      await host('m1').sh('rm /run/etcd-dead');
      await host('m2').sh('touch /run/kubeadm-fails');
      const died = await seal().sealctl(['operation', 'resume', id]);
      assert.equal(died.code, 1);
      assert.match(died.stderr, /etcd cluster is not healthy/);
      assert.equal((await members())?.includes('m2 master ready'), false);
      await host('m2').sh('rm /run/kubeadm-fails');
      await seal().mustSealctl('operation', 'resume', id);
      assert.deepEqual(await members(), ['m1 master ready', 'm2 master ready']);
      assert.deepEqual(await effectsOn(host('m2')), { containerd: 1, init_kube: 1, kubeadm_join: 1 });
    });

    it('exec all -- yes | head -1: one line, a quiet end, and nothing goes on on the nodes', async () => {
      const { stdout, stderr } = await seal().server.run('bash', [
        '-c',
        'sealctl exec all -- yes y-of-a-node | head -1; echo "$PIPESTATUS"',
      ]);
      assert.match(stdout, /^\S+ .*y-of-a-node\n141\n$/);
      assert.equal(stderr, '');
      for (const name of agents) assert.equal((await host(name).run('pgrep', ['-fx', 'yes y-of-a-node'])).code, 1, name);
      assert.equal((await ended(seal(), (await newest(seal())).id)).status, 'CANCELLED');
    });

    it('two operators who watch the same operation, one of them from its middle, see the same', async () => {
      const id = await startRun(seal(), [image, '-m', ip('m1'), '-n', ip('n1'), '-e', 'SLEEP_containerd=3']);
      const watch = ['operation', 'watch', id, '-o', 'json'];
      const early = seal().mustSealctl(...watch);
      await untilPausing(host('n1'), 3);
      const [one, two] = await Promise.all([early, seal().mustSealctl(...watch)]);
      const after_ = await seal().mustSealctl(...watch);
      assert.match(one, /containerd done/);
      assert.ok(two === one && after_ === one, 'the three differ');
    });
  });
}
