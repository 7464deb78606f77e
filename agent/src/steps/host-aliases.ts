import { readFile, stat, writeFile } from 'node:fs/promises';
import { Problem } from '@seal/foundation';
import type { StepArgs } from '@seal/plan';
import { writeFileAtomically } from '../host/write-file-atomically.ts';
import { editHostsBlock } from './edit-hosts-block.ts';
import type { StepHandler } from './step-handler.ts';

/**
 * Keeps one marked block of the hosts file; `path` is /etc/hosts. A file that is itself a mount cannot be renamed over and is written in place.
 * INVARIANT: edits take turns, so that steps of two operations do not undo each other's block.
 */
export function hostAliases(path: string): StepHandler<StepArgs['host-aliases']> {
  let turn: Promise<unknown> = Promise.resolve();
  return {
    place: 'agent',
    async perform({ block, entries }, { print }) {
      const mine = turn.then(() => edit(path, block, entries));
      turn = mine.catch(() => undefined); // the failure is this step's; the next one has its own
      await print(
        (await mine)
          ? `${path}: ${entries.length} ${entries.length === 1 ? 'entry' : 'entries'} in block ${block}`
          : `${path}: block ${block} was right already`,
      );
      return 'SUCCEEDED';
    },
  };
}

/** True when the file was changed. */
async function edit(path: string, block: string, entries: StepArgs['host-aliases']['entries']): Promise<boolean> {
  const exists = await stat(path).then(
    () => true,
    () => false,
  );
  // latin1 keeps bytes that are no UTF-8 as they are.
  const before = exists ? await readFile(path, 'latin1') : '';
  const after = editHostsBlock(before, block, entries);
  if (after === before) return false;
  const mode = exists ? (await stat(path)).mode & 0o777 : 0o644;
  try {
    await writeFileAtomically(path, Buffer.from(after, 'latin1'), mode);
  } catch (error) {
    const reason = (error as Problem).cause as NodeJS.ErrnoException | undefined;
    if (!(error instanceof Problem) || reason?.code !== 'EBUSY') throw error;
    await writeFile(path, Buffer.from(after, 'latin1'));
  }
  return true;
}
