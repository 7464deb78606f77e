import assert from 'node:assert/strict';
import { afterEach, before, describe, it } from 'node:test';
import type { SealLab } from '../../deploy/seal-lab.ts';
import { ended, killUnit, newest, startRun, untilPausing } from '../operation-control.ts';
import { clearAway, effectsOfInstall, effectsOn, image } from '../scenario-image.ts';

/** An operation when something breaks, in the ways that everybody meets. */
export function brokenOperations(seal: () => SealLab): void {
  describe('an operation when something breaks', () => {
    const agents = ['m1', 'n1'];
    const ip = (name: string) => seal().host(name).ip;
    const hosts = () => ['-m', ip('m1'), '-n', ip('n1')];
    before(() => clearAway(seal(), agents));
    afterEach(() => clearAway(seal(), agents));

    const eachEffectOnce = async () => {
      assert.deepEqual(await effectsOn(seal().host('m1')), effectsOfInstall.master);
      assert.deepEqual(await effectsOn(seal().host('n1')), effectsOfInstall.worker);
    };

    it('goes on when the server is killed while scripts run, and runs nothing twice', async () => {
      const id = await startRun(seal(), [image, ...hosts(), '-e', 'SLEEP_containerd=5']);
      await untilPausing(seal().host('n1'), 5);
      await killUnit(seal().server, 'seal-server');
      assert.equal((await ended(seal(), id)).status, 'SUCCEEDED');
      await eachEffectOnce();
    });

    it('goes on when an agent is killed while its script runs: the script lives, its output is whole', async () => {
      const id = await startRun(seal(), [image, ...hosts(), '-e', 'SLEEP_containerd=5']);
      await untilPausing(seal().host('n1'), 5);
      await killUnit(seal().host('n1'), 'seal-agent');
      assert.equal((await ended(seal(), id)).status, 'SUCCEEDED');
      await eachEffectOnce();
      const logs = await seal().mustSealctl('operation', 'logs', id);
      assert.equal(logs.match(/containerd on n1/g)?.length, 1);
      assert.equal(logs.match(/n1.*containerd done/g)?.length, 1);
    });

    it('takes the result of a script that ended while the agent was down', async () => {
      const id = await startRun(seal(), [image, ...hosts(), '-e', 'SLEEP_containerd=4']);
      await untilPausing(seal().host('n1'), 4);
      await seal()
        .host('n1')
        .sh('systemctl stop seal-agent; while pgrep -fx "sleep 4" >/dev/null; do sleep 0.2; done; sleep 0.5');
      await seal().host('n1').sh('systemctl start seal-agent');
      assert.equal((await ended(seal(), id)).status, 'SUCCEEDED');
      await eachEffectOnce();
    });

    it('runs an interrupted script again after its host lost power, and nothing else', async () => {
      const id = await startRun(seal(), [image, ...hosts(), '-e', 'SLEEP_containerd=5']);
      await untilPausing(seal().host('n1'), 5);
      await seal().host('n1').powerLoss();
      await seal().host('n1').start();
      assert.equal((await ended(seal(), id)).status, 'SUCCEEDED');
      await eachEffectOnce();
    });

    it('waits out a cut of the network, and loses no output', async () => {
      const id = await startRun(seal(), [image, ...hosts(), '-e', 'SLEEP_containerd=3']);
      await untilPausing(seal().host('n1'), 3);
      await seal().host('n1').cutNetwork();
      await seal().host('n1').sh('while pgrep -fx "sleep 3" >/dev/null; do sleep 0.2; done; sleep 1');
      await seal().host('n1').healNetwork();
      assert.equal((await ended(seal(), id)).status, 'SUCCEEDED');
      await eachEffectOnce();
      assert.equal((await seal().mustSealctl('operation', 'logs', id)).match(/n1.*containerd done/g)?.length, 1);
    });

    it('fails with the step, its node and its output; resume runs only what did not succeed', async () => {
      const { code, stdout, stderr } = await seal().sealctl(['run', image, ...hosts(), '-e', 'FAIL_init_kube=n1', '--yes']);
      assert.equal(code, 1);
      assert.match(stdout + stderr, /OPERATION_FAILED/);
      assert.match(stdout + stderr, /init_kube was told to fail on n1/);
      const { id } = await newest(seal());
      assert.match(stdout + stderr, new RegExp(`sealctl operation resume ${id}`));
      await seal().host('n1').sh('touch /run/mended');
      await seal().mustSealctl('operation', 'resume', id);
      assert.equal((await ended(seal(), id)).status, 'SUCCEEDED');
      await eachEffectOnce();
    });

    it('is cancelled: the running script ends, nothing more begins, and it can be resumed', async () => {
      const id = await startRun(seal(), [image, ...hosts(), '-e', 'SLEEP_containerd=300']);
      await untilPausing(seal().host('n1'), 300);
      await seal().mustSealctl('operation', 'cancel', id);
      assert.equal((await ended(seal(), id)).status, 'CANCELLED');
      assert.equal((await seal().host('n1').run('pgrep', ['-fx', 'sleep 300'])).code, 1);
      assert.deepEqual(await effectsOn(seal().host('n1')), {});
    });

    it('refuses a second change of the same cluster meanwhile, and names the first', async () => {
      const id = await startRun(seal(), [image, ...hosts(), '-e', 'SLEEP_containerd=2']);
      const { code, stderr } = await seal().sealctl(['delete', '-a', '--yes']);
      assert.equal(code, 5);
      assert.match(stderr, new RegExp(`OPERATION_IN_PROGRESS.*${id}`));
      assert.equal((await ended(seal(), id)).status, 'SUCCEEDED');
    });

    it('streams exec from each node, keeps stdout apart from stderr, and ends with the exit code of the command', async () => {
      const { code, stdout, stderr } = await seal().sealctl([
        'exec',
        'm1',
        'n1',
        '--',
        'sh',
        '-c',
        'hostname; hostname >&2; [ $(hostname) = m1 ] || exit 3',
      ]);
      assert.equal(code, 3);
      assert.match(stdout, /m1.*m1\n/);
      assert.match(stdout, /n1.*n1\n/);
      assert.match(stderr, /n1.*n1\n/);
    });
  });
}
