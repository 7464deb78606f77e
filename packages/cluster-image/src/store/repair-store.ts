import { blobPath, hashFile } from './blobs.ts';
import type { CheckResult } from './check-store.ts';
import { deleteBlobs, type GarbageBlob } from './collect-garbage.ts';
import type { ImageStore } from './image-store.ts';
import { changeIndexFile } from './index-file.ts';

/**
 * Deletes the blobs whose bytes do not fit their digest any more, so that the next pull, load, push or build brings them anew instead of
 * finding them there. Nothing else can be mended from within a store: what is missing has to come from outside. Gives what was deleted.
 */
export async function repairStore({ directory }: ImageStore, { findings }: CheckResult): Promise<readonly GarbageBlob[]> {
  const deleted: GarbageBlob[] = [];
  await changeIndexFile(directory, async (manifests) => {
    for (const { digest } of findings.filter(({ kind }) => kind === 'damaged')) {
      // Somebody may have brought it anew since it was looked at.
      const found = await hashFile(blobPath(directory, digest)).catch((thrown: NodeJS.ErrnoException) => {
        if (thrown.code === 'ENOENT') return undefined;
        throw thrown;
      });
      if (found && found.digest !== digest) deleted.push({ digest, sizeBytes: found.sizeBytes });
    }
    await deleteBlobs(directory, deleted);
    return manifests;
  });
  return deleted;
}
