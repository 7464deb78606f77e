import assert from 'node:assert/strict';
import type { SealLab } from '../../deploy/seal-lab.ts';
import { pollUntil } from '../../hosts/index.ts';
import { newest, type OperationSummary } from '../operation-control.ts';

/** Waits until the server answers again after a kill. */
export async function untilServing(seal: SealLab): Promise<void> {
  await pollUntil(async () => (await seal.sealctl(['nodes'])).code === 0 || undefined, {
    timeoutSeconds: 60,
    describe: () => 'the server does not answer again',
  });
}

/** `sealctl run --detach …`, whose answer the server's death may swallow; the operation that it made. */
export async function beginRun(seal: SealLab, args: readonly string[]): Promise<string> {
  const { code, stderr } = await seal.sealctl(['run', ...args, '--yes', '--detach']);
  assert.ok(code === 0 || code === 7, `sealctl run ended with ${code}: ${stderr}`);
  await untilServing(seal);
  const { id } = await newest(seal);
  return id;
}

/** Ids of every operation that the server knows. */
export async function operationIds(seal: SealLab): Promise<string[]> {
  return (await seal.json<OperationSummary[]>('operation', 'list', '--limit', '500')).map(({ id }) => id);
}

/** Every line of an operation's output, with the node that it is of. */
export async function outputLines(seal: SealLab, id: string): Promise<{ node: string; text: string }[]> {
  const text = await seal.mustSealctl('operation', 'logs', id, '-o', 'json');
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { node: string; text: string });
}

/** The operation's end as `sealctl operation list` shows it, which must be this one. */
export function assertStatus(operation: OperationSummary, status: string): void {
  assert.equal(operation.status, status, `${operation.id}: ${operation.problem?.code} ${operation.problem?.message}`);
}
