import assert from 'node:assert/strict';
import type { SealLab } from '../../deploy/seal-lab.ts';
import { pollUntil } from '../../hosts/index.ts';
import type { OperationSummary } from '../operation-control.ts';

/** What sealctl prints with `-o json`, asked again as long as the server does not answer: it may be killed at any moment. */
export async function patientJson<T>(seal: SealLab, ...args: string[]): Promise<T> {
  return pollUntil(
    async () => {
      const { code, stdout, stderr } = await seal.sealctl([...args, '-o', 'json']);
      assert.ok(code === 0 || code === 7, `sealctl ${args.join(' ')} ended with ${code}: ${stderr}`);
      return code === 0 ? (JSON.parse(stdout) as T) : undefined;
    },
    { timeoutSeconds: 60, describe: () => 'the server does not answer again' },
  );
}

/** Waits until the server answers again after a kill. */
export async function untilServing(seal: SealLab): Promise<void> {
  await patientJson(seal, 'nodes');
}

/** `sealctl run --detach …`, whose answer the server's death may swallow; the newest operation then. */
export async function beginRun(seal: SealLab, args: readonly string[]): Promise<string> {
  const { code, stderr } = await seal.sealctl(['run', ...args, '--yes', '--detach']);
  assert.ok(code === 0 || code === 7, `sealctl run ended with ${code}: ${stderr}`);
  const [newest = ''] = await operationIds(seal);
  return newest;
}

/** Ids of every operation that the server knows, the newest first. */
export async function operationIds(seal: SealLab): Promise<string[]> {
  return (await patientJson<OperationSummary[]>(seal, 'operation', 'list', '--limit', '500')).map(({ id }) => id);
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
