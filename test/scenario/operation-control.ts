import type { SealLab } from '../deploy/seal-lab.ts';
import { type Host, pollUntil } from '../hosts/index.ts';

export interface OperationSummary {
  readonly id: string;
  readonly status: string;
  readonly problem?: { readonly code: string; readonly message: string };
}

/** Starts `sealctl run …` without waiting for its end; returns the operation. */
export async function startRun(seal: SealLab, args: readonly string[]): Promise<string> {
  await seal.mustSealctl('run', ...args, '--yes', '--detach');
  return (await newest(seal)).id;
}

export async function newest(seal: SealLab): Promise<OperationSummary> {
  const [first] = await seal.json<OperationSummary[]>('operation', 'list');
  if (!first) throw new Error('the server knows no operation');
  return first;
}

/** Waits until the operation has ended; returns how. */
export async function ended(seal: SealLab, id: string, timeoutSeconds = 120): Promise<OperationSummary> {
  let seen: OperationSummary | undefined;
  return pollUntil(
    async () => {
      const operations = await seal.json<OperationSummary[]>('operation', 'list');
      seen = operations.find((operation) => operation.id === id);
      return seen && ['SUCCEEDED', 'FAILED', 'CANCELLED'].includes(seen.status) ? seen : undefined;
    },
    { timeoutSeconds, describe: () => `operation ${id} has not ended: ${JSON.stringify(seen)}` },
  );
}

/** Waits until a script with that pause is running on the host. */
export async function untilPausing(host: Host, seconds: number): Promise<void> {
  await pollUntil(async () => (await host.run('pgrep', ['-fx', `sleep ${seconds}`])).code === 0 || undefined, {
    timeoutSeconds: 60,
    describe: () => `no script is pausing ${seconds} s on ${host.name}`,
  });
}

/** The main process of a unit, killed with SIGKILL; systemd starts it again. */
export async function killUnit(host: Host, unit: string): Promise<void> {
  await host.sh(`kill -9 "$(systemctl show -p MainPID --value ${unit})"`);
}
