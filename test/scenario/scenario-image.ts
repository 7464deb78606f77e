import { fileURLToPath } from 'node:url';
import { type SealLab, useSealLab } from '../deploy/seal-lab.ts';
import type { Host } from '../hosts/index.ts';
import { ended, isEnded, type OperationSummary } from './operation-control.ts';

/** The folder of the image of scripts, as the server's host sees it. */
export const imageBind = { from: fileURLToPath(new URL('./image', import.meta.url)), to: '/root/image' };
export const image = 'scripts:1';

/** A lab with Seal, agents on `agents`, and the image of scripts built on the server's host (call `buildImage` in a before). */
export function useScenario(agents: readonly string[], more: Partial<Parameters<typeof useSealLab>[0]> = {}): () => SealLab {
  return useSealLab({ agents, serverBinds: [imageBind], ...more });
}

export async function buildImage(seal: SealLab): Promise<void> {
  await seal.mustSealctl('build', '-t', image, '-f', '/root/image/Kubefile', '/root/image');
}

/** How often each effect took place on a host: name → count. */
export async function effectsOn(host: Host): Promise<Record<string, number>> {
  const text = await host.sh('cat /var/log/seal-scenario/effects 2>/dev/null || true');
  const counts: Record<string, number> = {};
  for (const name of text.split('\n').filter(Boolean)) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/** What every host of a fresh cluster has gone through, once each. */
export const effectsOfInstall = {
  master: { containerd: 1, init_kube: 1, kubeadm_init: 1 },
  worker: { containerd: 1, init_kube: 1, kubeadm_join: 1 },
};

/** Brings every agent back, ends what runs, takes clusters away and forgets the effects, so that the next test finds the hosts as new. */
export async function clearAway(seal: SealLab, names: readonly string[]): Promise<void> {
  await Promise.all(names.map((name) => seal.host(name).sh('systemctl start seal-agent')));
  await seal.untilConnected(...names);
  for (const operation of await seal.json<OperationSummary[]>('operation', 'list')) {
    if (isEnded(operation)) continue;
    await seal.mustSealctl('operation', 'cancel', operation.id);
    await ended(seal, operation.id);
  }
  for (const cluster of await seal.json<{ name: string }[]>('status'))
    await seal.mustSealctl('delete', '-a', '--cluster', cluster.name, '--yes');
  await Promise.all(names.map((name) => seal.host(name).sh('rm -rf /var/log/seal-scenario /run/mended')));
}
