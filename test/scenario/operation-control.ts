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
  let seen = 'nothing yet';
  return pollUntil(
    async () => {
      // The server may be away just now: that is what some scenarios are about.
      const { code, stdout, stderr } = await seal.sealctl(['operation', 'list', '-o', 'json']);
      seen = stdout || stderr;
      if (code !== 0) return undefined;
      const operation = (JSON.parse(stdout) as OperationSummary[]).find((candidate) => candidate.id === id);
      return operation && isEnded(operation) ? operation : undefined;
    },
    { timeoutSeconds, describe: () => `operation ${id} has not ended: ${seen}` },
  );
}

export function isEnded(operation: OperationSummary): boolean {
  return ['SUCCEEDED', 'FAILED', 'CANCELLED'].includes(operation.status);
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
