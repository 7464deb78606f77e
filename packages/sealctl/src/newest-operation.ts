import { Problem } from '@seal/foundation';
import type { Cli } from './cli.ts';

/** What --help says of an argument that `newestOperation` stands in for. */
export const newestByDefault = 'id of the operation (default: the newest)';

/** The id of the operation that was begun last. Problem: OPERATION_NOT_FOUND when there is none. */
export async function newestOperation(cli: Cli): Promise<string> {
  const { operations } = await (await cli.connect()).operations.listOperations({ cluster: '', limit: 1 });
  const newest = operations[0];
  if (newest === undefined) throw new Problem('OPERATION_NOT_FOUND', 'there is no operation yet');
  cli.note(`Operation ${newest.id}: ${newest.summary}`);
  return newest.id;
}
