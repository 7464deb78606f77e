import assert from 'node:assert/strict';
import type { SealLab } from '../../deploy/seal-lab.ts';
import { pollUntil } from '../../hosts/index.ts';
import { beginRun, operationIds, untilServing } from '../faults/fault-control.ts';
import { clearAway, effectsOfInstall, effectsOn, image } from '../scenario-image.ts';
import { type KillOrder, orderKill, wasKilled } from './kill-orders.ts';

export const crashHosts = ['m1', 'n1', 'n2'];

export interface CrashPoint {
  /** Whose daemon is killed: "server" or the name of an agent's host. */
  readonly host: string;
  readonly side: KillOrder['side'];
  /** Which write of its log or journal since the operation was asked for. */
  readonly nth: number;
}

/** What an installed cluster looks like from outside: its state, and every file that it put on the hosts. */
type FinalState = Readonly<Record<string, string>>;

/**
 * One whole installation of the image of scripts on three nodes, with a daemon killed at one write; it must end like `expected`, with each
 * effect once. False when the operation ended without that write: there is no such point. The lab is left as it was found.
 */
export async function crashAt(seal: SealLab, point: CrashPoint, expected: FinalState): Promise<boolean> {
  const host = seal.host(point.host);
  await seal.untilConnected(...crashHosts);
  await orderKill(host, point);
  const name = `${point.host} ${point.side} write ${point.nth}`;
  assert.deepEqual(await install(seal), expected, name);
  const killed = await wasKilled(host);
  await clearAway(seal, crashHosts);
  return killed;
}

/** Installs, and returns what is there afterwards. */
export async function install(seal: SealLab): Promise<FinalState> {
  const known = await operationIds(seal);
  const args = [image, '-m', seal.host('m1').ip, '-n', `${seal.host('n1').ip},${seal.host('n2').ip}`];
  let id = await beginRun(seal, args);
  if (known.includes(id)) {
    // Killed before the plan was written: the command was answered with an error, and nothing may have happened.
    for (const name of crashHosts) assert.deepEqual(await effectsOn(seal.host(name)), {});
    await seal.untilConnected(...crashHosts);
    id = await beginRun(seal, args);
  }
  // Killed while it is asked for the first time, or right after it told of the end.
  const watched = await pollUntil(
    async () => {
      const result = await seal.sealctl(['operation', 'watch', id]);
      return result.code === 7 ? undefined : result;
    },
    { timeoutSeconds: 120, describe: () => `operation ${id} cannot be watched` },
  );
  assert.equal(watched.code, 0, `operation ${id}: ${watched.stdout}${watched.stderr}`);
  await untilServing(seal);
  for (const name of crashHosts)
    assert.deepEqual(await effectsOn(seal.host(name)), name === 'm1' ? effectsOfInstall.master : effectsOfInstall.worker, name);
  return finalState(seal);
}

async function finalState(seal: SealLab): Promise<FinalState> {
  type Cluster = { state: string; members: { name: string; role: string; state: string }[] };
  const clusters = await seal.json<Cluster[]>('status');
  const members = clusters.flatMap((cluster) => cluster.members.map(({ name, role, state }) => `${name} ${role} ${state}`));
  const places = '/etc/kubernetes /var/lib/kubelet /var/lib/seal/data';
  const files = await Promise.all(
    crashHosts.map(async (name) => [
      name,
      await seal
        .host(name)
        .sh(
          `find ${places} -type f -printf '%p %m\\n' 2>/dev/null | sed 's/joined-[0-9a-f]*/joined-CA/' | sort; sed -n '/seal/,/seal/p' /etc/hosts`,
        ),
    ]),
  );
  return { cluster: `${clusters.map(({ state }) => state)}: ${members.join(', ')}`, ...Object.fromEntries(files) };
}
