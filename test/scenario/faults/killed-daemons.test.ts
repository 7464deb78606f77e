/**
 * Faults 1–9, 13 and 20 of the engine, on real daemons and hosts. Exact moments (1, 2, 4, 5, 6, 8) come from `crash-points/kill-at-write.ts`,
 * which kills the daemon at one write of its log or journal; the others are a SIGKILL from outside.
 *
 * Of 3 the outputs come from 17 commands on 3 hosts each, not from 50 hosts. Of 9 the processes end and the boot id changes, but unsynced
 * writes are not lost, because the page cache is the machine's: torn and lost writes are in the simulation and in the journal's own tests.
 */
import assert from 'node:assert/strict';
import { afterEach, before, describe, it } from 'node:test';
import { pollUntil } from '../../hosts/index.ts';
import { crashPointsSample } from '../crash-points/crash-points-sample.ts';
import { orderKill, takeKillOrders, untilKilled } from '../crash-points/kill-orders.ts';
import { ended, killUnit, untilPausing } from '../operation-control.ts';
import { buildImage, clearAway, effectsOfInstall, effectsOn, image, useScenario } from '../scenario-image.ts';
import { assertStatus, beginRun, operationIds, outputLines, untilServing } from './fault-control.ts';

const countingScript = `mkdir -p /var/log/seal-scenario
echo ran >>/var/log/seal-scenario/effects
for i in $(seq 3000); do
  echo "line $i of it"
  [ $((i % 500)) != 0 ] || sleep 1
done
`;

describe('an operation whose daemons are killed', () => {
  const agents = ['m1', 'n1', 'n2'];
  const seal = useScenario(agents, { serverConfig: 'agentGraceSeconds: 60\n' });
  const host = (name: string) => seal().host(name);
  const hosts = () => ['-m', host('m1').ip, '-n', host('n1').ip];
  const pausing = (seconds: number) => [image, ...hosts(), '-e', `SLEEP_containerd=${seconds}`];

  before(async () => {
    await buildImage(seal());
    for (const name of agents) {
      // Enough for the 17 commands of fault 3 at a time.
      await host(name).writeFile('/etc/seal/agent.yaml', 'concurrentSteps: 20\n');
      await host(name).writeFile('/opt/seal-test/count.sh', countingScript);
    }
    await takeKillOrders(seal(), agents);
  });
  afterEach(() => clearAway(seal(), agents));

  const endsWell = async (id: string) => {
    assertStatus(await ended(seal(), id), 'SUCCEEDED');
    assert.deepEqual(await effectsOn(host('m1')), effectsOfInstall.master);
    assert.deepEqual(await effectsOn(host('n1')), effectsOfInstall.worker);
    const logs = await seal().mustSealctl('operation', 'logs', id);
    for (const name of ['m1', 'n1']) assert.equal(logs.match(new RegExp(`${name}.*containerd done`, 'g'))?.length, 1, logs);
  };

  describe('on the server', () => {
    it('1 server killed after the plan is written', async () => {
      await orderKill(seal().server, { side: 'after', match: /^operations / });
      const id = await beginRun(seal(), [image, ...hosts()]);
      await untilKilled(seal().server);
      await endsWell(id);
    });

    it('1 server killed before the plan is written: nothing has happened, and the same command then does it', async () => {
      await orderKill(seal().server, { side: 'before', match: /^operations / });
      const known = await operationIds(seal());
      const { code } = await seal().sealctl(['run', image, ...hosts(), '--yes', '--detach']);
      await untilKilled(seal().server);
      assert.equal(code, 7);
      await untilServing(seal());
      assert.deepEqual(await operationIds(seal()), known);
      assert.deepEqual(await seal().json('status'), []);
      await seal().untilConnected(...agents);
      await endsWell(await beginRun(seal(), [image, ...hosts()]));
    });

    it('2 server killed after dispatch, before and after the agent has the command', async () => {
      await orderKill(seal().server, { side: 'after', match: /"step-dispatched"/ });
      const id = await beginRun(seal(), [image, ...hosts()]);
      await untilKilled(seal().server);
      await orderKill(seal().server, { side: 'before', match: /"step-started"/, nth: 3 });
      await untilKilled(seal().server);
      await untilServing(seal());
      await endsWell(id);
    });

    it('3 server killed while 50 outputs stream', async () => {
      const known = await operationIds(seal());
      await seal().server.sh(
        'for i in $(seq 17); do sealctl exec m1 n1 n2 -- sh /opt/seal-test/count.sh </dev/null >/dev/null 2>&1 & done',
      );
      await orderKill(seal().server, { side: 'before', match: /^outputs /, nth: 20 });
      await untilKilled(seal().server);
      await orderKill(seal().server, { side: 'after', match: /^outputs /, nth: 20 });
      await untilKilled(seal().server);
      await untilServing(seal());
      const fresh = (await operationIds(seal())).filter((id) => !known.includes(id));
      assert.equal(fresh.length, 17);
      const wanted = Array.from({ length: 3000 }, (_, index) => `line ${index + 1} of it`);
      for (const id of fresh) {
        assertStatus(await ended(seal(), id), 'SUCCEEDED');
        const lines = await outputLines(seal(), id);
        for (const name of agents) {
          const got = lines.filter((line) => line.node === name).map((line) => line.text);
          assert.deepEqual(got, wanted, `output of ${name} in ${id}`);
        }
      }
      for (const name of agents) assert.deepEqual(await effectsOn(host(name)), { ran: 17 });
    });

    it("4 server killed between an agent's result and the log commit", async () => {
      await orderKill(seal().server, { side: 'before', match: /"step-finished"/, nth: 4 });
      const id = await beginRun(seal(), [image, ...hosts()]);
      await untilKilled(seal().server);
      await orderKill(seal().server, { side: 'after', match: /"step-finished"/, nth: 4 });
      await untilKilled(seal().server);
      await untilServing(seal());
      await endsWell(id);
    });
  });

  describe('on a node', () => {
    it('5 agent killed before journaling', async () => {
      await orderKill(host('n1'), { side: 'before', match: /"type":"accepted".*"kind":"run-script"/ });
      const id = await beginRun(seal(), [image, ...hosts()]);
      await untilKilled(host('n1'));
      await endsWell(id);
    });

    it('5 agent killed while journaling: the torn record is cut', async () => {
      await orderKill(host('n1'), { side: 'torn', match: /"type":"accepted".*"kind":"run-script"/ });
      const id = await beginRun(seal(), [image, ...hosts()]);
      await untilKilled(host('n1'));
      await endsWell(id);
    });

    it('6 agent killed after accepted, before exec', async () => {
      await orderKill(host('n1'), { side: 'after', match: /"type":"accepted".*"kind":"run-script"/ });
      const id = await beginRun(seal(), [image, ...hosts()]);
      await untilKilled(host('n1'));
      await orderKill(host('n1'), { side: 'after', match: /"type":"started".*"process"/ });
      await untilKilled(host('n1'));
      await endsWell(id);
    });

    it('7 agent killed mid-script', async () => {
      const id = await beginRun(seal(), pausing(3));
      await untilPausing(host('n1'), 3);
      await killUnit(host('n1'), 'seal-agent');
      await endsWell(id);
    });

    it('8 agent killed after exit, before it is recorded', async () => {
      const id = await beginRun(seal(), pausing(2));
      await untilPausing(host('n1'), 2);
      await orderKill(host('n1'), { side: 'before', match: /"type":"finished"/ });
      await untilKilled(host('n1'));
      await endsWell(id);
    });

    it('9 node hard reboot mid-script: that script alone is run again', async () => {
      const id = await beginRun(seal(), pausing(4));
      await untilPausing(host('n1'), 4);
      await host('n1').powerLoss();
      await host('n1').start();
      await endsWell(id);
      assert.equal((await seal().mustSealctl('operation', 'logs', id)).match(/n1.*containerd on n1/g)?.length, 2);
    });
  });

  crashPointsSample(seal);

  // Last: afterwards the agents have seen an epoch above that of the lab's server.
  describe('two servers', () => {
    const restore = async () => {
      await seal().server.sh(
        'systemctl stop seal-server; rm -rf /var/lib/seal/server; cp -a /root/backup /var/lib/seal/server; systemctl start seal-server',
      );
      await untilServing(seal());
    };

    it('20 server restored from an older backup: what the nodes did since is taken from them, nothing is done twice', async () => {
      const id = await beginRun(seal(), pausing(3));
      await untilPausing(host('n1'), 3);
      await seal().server.sh(
        'rm -rf /root/backup; systemctl stop seal-server; cp -a /var/lib/seal/server /root/backup; systemctl start seal-server',
      );
      await untilServing(seal());
      await endsWell(id);
      // Lives of the server that the backup does not know of.
      for (let life = 0; life < 3; life += 1) await seal().server.restartUnit('seal-server');
      await untilServing(seal());
      await restore();
      await seal().untilConnected(...agents);
      assertStatus(await ended(seal(), id), 'SUCCEEDED');
      assert.deepEqual(await effectsOn(host('m1')), effectsOfInstall.master);
      assert.deepEqual(await effectsOn(host('n1')), effectsOfInstall.worker);
    });

    it('13 two servers alive, the old epoch refused', async () => {
      await seal().server.sh(
        `rm -rf /root/backup; systemctl stop seal-server; cp -a /var/lib/seal/server /root/backup; systemctl start seal-server
         sleep 1; mkdir -p /run/other; systemd-run -q --unit=other-server seal-server --config /dev/null --address ${seal().server.ip} --grpc-port 8443 --https-port 8444 --state-directory /root/backup --run-directory /run/other`,
      );
      await untilServing(seal());
      const use = async (port: number) => {
        await host('n1').writeFile('/etc/seal/agent.yaml', `grpcPort: ${port}\n`);
        await host('n1').restartUnit('seal-agent');
      };
      await use(8443);
      await pollUntil(async () => (await host('n1').run('seal-agent', ['status'])).code === 0 || undefined, {
        timeoutSeconds: 30,
        describe: () => 'n1 is not connected to the other server',
      });
      await use(7443);
      await seal().untilConnected(...agents);
      const { code, stderr } = await seal().sealctl(['exec', 'n1', '--', 'touch', '/run/done-by-the-old']);
      await seal().server.sh('systemctl stop other-server');
      assert.notEqual(code, 0);
      assert.match(stderr, /SERVER_EPOCH_STALE/);
      assert.equal((await host('n1').run('test', ['-e', '/run/done-by-the-old'])).code, 1);
    });
  });
});
