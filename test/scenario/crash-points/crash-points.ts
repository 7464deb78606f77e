import assert from 'node:assert/strict';
import type { SealLab } from '../../deploy/seal-lab.ts';
import { pollUntil } from '../../hosts/index.ts';
import { patientJson } from '../faults/fault-control.ts';
import { effectsOfInstall, image } from '../scenario-image.ts';
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
  assert.deepEqual(await install(seal), expected, `${point.host} ${point.side} write ${point.nth}`);
  const killed = await wasKilled(host);
  await uninstall(seal);
  return killed;
}

/** Installs, and returns what is there afterwards. */
export async function install(seal: SealLab): Promise<FinalState> {
  // Killed before the plan was written: the command was answered with an error, and nothing may have happened.
  const id = (await begun(seal)) ?? (await nothingDone(seal).then(() => begun(seal)));
  assert.ok(id, 'a second server was killed');
  // Killed while it is asked for the first time, or right after it told of the end.
  const watched = await pollUntil(
    async () => {
      const result = await seal.sealctl(['operation', 'watch', id]);
      return result.code === 7 ? undefined : result;
    },
    { timeoutSeconds: 120, describe: () => `operation ${id} cannot be watched` },
  );
  assert.equal(watched.code, 0, `operation ${id}: ${watched.stdout}${watched.stderr}`);
  return finalState(seal);
}

/** Takes the cluster away and forgets the effects. */
export async function uninstall(seal: SealLab): Promise<void> {
  await seal.untilConnected(...crashHosts);
  await seal.mustSealctl('delete', '-a', '--cluster', 'default', '--yes');
  await Promise.all(crashHosts.map((name) => seal.host(name).sh('rm -rf /var/log/seal-scenario')));
}

/** The operation that was begun; undefined when the server was killed before it had written it. */
async function begun(seal: SealLab): Promise<string | undefined> {
  const since = Date.now();
  const hosts = ['-m', seal.host('m1').ip, '-n', `${seal.host('n1').ip},${seal.host('n2').ip}`];
  const { code, stdout, stderr } = await seal.sealctl(['run', image, ...hosts, '--yes', '--detach']);
  assert.ok(code === 0 || code === 7, `sealctl run ended with ${code}: ${stderr}`);
  if (code === 0) return /\bop-[a-z0-9]+/.exec(stdout)?.[0];
  const [newest] = await patientJson<{ id: string; createdAtMs: number }[]>(seal, 'operation', 'list', '--limit', '1');
  return newest && newest.createdAtMs >= since ? newest.id : undefined;
}

async function nothingDone(seal: SealLab): Promise<void> {
  for (const name of crashHosts) assert.equal(await effectsOn(seal, name), '');
  await seal.untilConnected(...crashHosts);
}

async function effectsOn(seal: SealLab, name: string): Promise<string> {
  return seal.host(name).sh('sort /var/log/seal-scenario/effects 2>/dev/null || true');
}

async function finalState(seal: SealLab): Promise<FinalState> {
  type Cluster = { state: string; members: { name: string; role: string; state: string }[] };
  const clusters = await patientJson<Cluster[]>(seal, 'status');
  const members = clusters.flatMap((cluster) => cluster.members.map(({ name, role, state }) => `${name} ${role} ${state}`));
  const places = '/etc/kubernetes /var/lib/kubelet /var/lib/seal/data';
  const look = `find ${places} -type f -printf '%p %m\\n' 2>/dev/null | sed 's/joined-[0-9a-f]*/joined-CA/' | sort; sed -n '/seal/,/seal/p' /etc/hosts`;
  const files = await Promise.all(
    crashHosts.map(async (name) => {
      const wanted = Object.keys(name === 'm1' ? effectsOfInstall.master : effectsOfInstall.worker);
      assert.deepEqual((await effectsOn(seal, name)).split('\n'), wanted.sort(), name);
      return [name, await seal.host(name).sh(look)];
    }),
  );
  return { cluster: `${clusters.map(({ state }) => state)}: ${members.join(', ')}`, ...Object.fromEntries(files) };
}
