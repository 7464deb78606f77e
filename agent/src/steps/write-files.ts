import type { StepArgs } from '@seal/plan';
import { writeFileAtomically } from '../host/write-file-atomically.ts';
import { resolveContent } from './resolve-content.ts';
import type { StepHandler } from './step-handler.ts';

/** Writes each file beside its place and renames it there. Problems: SECRET_MISSING, NODE_DISK_FULL, FILE_WRITE_FAILED. */
export const writeFiles: StepHandler<StepArgs['write-files']> = {
  place: 'agent',
  async perform({ files }, { secrets, signal, print }) {
    const resolved = files.map((file) => ({ ...file, data: resolveContent(file.content, secrets) }));
    for (const { path, mode, data } of resolved) {
      signal.throwIfAborted();
      await writeFileAtomically(path, data, Number.parseInt(mode, 8));
      await print(`${path} (${mode}, ${data.length} bytes)`);
    }
    return 'SUCCEEDED';
  },
};
