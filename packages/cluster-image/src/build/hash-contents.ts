import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { Problem, sha256Digest } from '@seal/foundation';
import type { PlannedEntry } from './planned-entry.ts';

/** The digest of the content of each entry, '' for what is no file. Calls that block, as in `tarBlocks`. Throws CANCELLED. */
export function hashContents(entries: readonly PlannedEntry[], signal?: AbortSignal): string[] {
  const buffer = Buffer.allocUnsafe(1024 * 1024);
  return entries.map(({ kind, content }) => {
    if (signal?.aborted) throw new Problem('CANCELLED', 'the build was cancelled');
    if (kind !== 'file') return '';
    if (!content || 'bytes' in content) return sha256Digest(content?.bytes ?? '');
    return 'digest' in content ? content.digest : hashFile(content.path, buffer);
  });
}

function hashFile(path: string, buffer: Buffer): string {
  const hash = createHash('sha256');
  const descriptor = openSync(path, 'r');
  try {
    for (;;) {
      const count = readSync(descriptor, buffer, 0, buffer.length, null);
      if (count === 0) return `sha256:${hash.digest('hex')}`;
      hash.update(buffer.subarray(0, count));
    }
  } finally {
    closeSync(descriptor);
  }
}
