import { mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';

/** Beside each layer: an empty file whose mtime says when the layer was last wanted. A layer's own times are those of the image. */
const mark = '.used';

/** Notes that a layer is wanted at `now` (ms). */
export async function markUsed(layers: string, name: string, now: number): Promise<void> {
  const path = join(layers, name + mark);
  await (await open(path, 'a', 0o600)).close();
  await utimes(path, now / 1000, now / 1000);
}

export interface SweepRule {
  keep(name: string): boolean;
  /** What was last used before (ms) goes. */
  readonly usedBefore: number;
  readonly now: number;
}

/** Removes what fetches that nobody took up again left of blobs. */
export async function sweepBlobs(blobs: string, { keep, usedBefore }: SweepRule): Promise<void> {
  for (const name of (await readdir(blobs).catch(absent)) ?? []) {
    if (keep(name.replace(/\.partial$/, ''))) continue;
    const found = await stat(join(blobs, name)).catch(absent);
    if (found && found.mtimeMs < usedBefore) await rm(join(blobs, name), { force: true });
  }
}

/**
 * Removes the layers that `keep` does not want and that were last used before `usedBefore`; one that was never marked counts as used
 * now and gets its mark. Returns the names of those that are gone. A kill in the middle leaves a `.partial-` directory at most, which
 * `removeLeftovers` of the store takes away.
 */
export async function sweepLayers(layers: string, { keep, usedBefore, now }: SweepRule): Promise<string[]> {
  await mkdir(layers, { recursive: true, mode: 0o700 });
  const names = new Set(await readdir(layers));
  const gone: string[] = [];
  for (const name of names) {
    if (name.endsWith(mark)) {
      if (!names.has(name.slice(0, -mark.length))) await rm(join(layers, name), { force: true });
      continue;
    }
    if (name.includes('.partial-') || keep(name)) continue;
    const used = await stat(join(layers, name + mark)).catch(absent);
    if (!used) await markUsed(layers, name, now);
    if ((used?.mtimeMs ?? now) >= usedBefore) continue;
    // Asked again: while this looked at the disk, a step may have come to want the layer.
    if (keep(name)) continue;
    const partial = join(layers, `${name}.partial-removed`);
    await rename(join(layers, name), partial);
    await rm(partial, { recursive: true, force: true });
    await rm(join(layers, name + mark), { force: true });
    gone.push(name);
  }
  return gone;
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
