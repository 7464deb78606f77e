import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Problem, systemClock } from '@seal/foundation';
import { deleteBlobs, findGarbage } from './collect-garbage.ts';
import type { ImageStore } from './image-store.ts';
import { addedAnnotation, changeIndexFile, nameAnnotation, writeIndexFile } from './index-file.ts';
import { tryLock } from './lock-file.ts';
import type { Descriptor } from './manifest.ts';
import { indexTypes } from './media-types.ts';
import { readImageParts } from './read-image.ts';
import { sweepSessions } from './session.ts';

export interface PruneOptions {
  /** Also images with a name that came into the store before this time, ms since the epoch. Default: none. */
  readonly addedBeforeMs?: number;
  /** Also the records of the build cache: every layer is made anew by the next build that wants it. Default false. */
  readonly buildCache?: boolean;
  /** Digests of manifests whose images stay in any case. */
  readonly used?: ReadonlySet<string>;
  /** Only say what would go. */
  readonly dryRun?: boolean;
}

export interface PruneResult {
  /** Images that go; `reference` is undefined for one without a name. */
  readonly images: readonly { readonly reference?: string; readonly digest: string; readonly addedAtMs: number }[];
  /** Blobs that no image needs any more, those of `images` among them. */
  readonly blobs: number;
  readonly blobBytes: number;
  /** Beginnings of downloads that nobody goes on with now. */
  readonly downloads: number;
  readonly downloadBytes: number;
  /** Records of the build cache: all, or those whose layer is gone. */
  readonly cacheRecords: number;
  readonly freedBytes: number;
}

/**
 * Takes what nobody needs out of a store: images without a name, blobs that no image needs, beginnings of downloads, leftovers of dead
 * processes. What a running build or pull works with stays. Throws IMAGE_STORE_DAMAGED where the manifest of an image that stays cannot
 * be read: what it needs is not known, so nothing is removed.
 */
export async function pruneStore(store: ImageStore, options: PruneOptions = {}): Promise<PruneResult> {
  const { directory } = store;
  const now = systemClock.now();
  if (!options.dryRun) await sweepSessions(directory);
  let result: PruneResult | undefined;
  await changeIndexFile(directory, async (manifests) => {
    const leaving = new Set<Descriptor>();
    for (const entry of manifests) if (await leaves(directory, entry, options)) leaving.add(entry);
    const staying = manifests.filter((entry) => !leaving.has(entry));
    const { blobs, unreadable } = await findGarbage(directory, staying, now, store.orphanGraceSeconds);
    if (unreadable) throw damaged(unreadable);
    const downloads = await idleDownloads(directory);
    const gone = new Set(blobs.map(({ digest }) => digest));
    const records = await cacheRecords(store, gone, options.buildCache === true);
    if (!options.dryRun) {
      if (leaving.size > 0) await writeIndexFile(directory, staying);
      await deleteBlobs(directory, blobs);
      for (const { path } of [...downloads, ...records]) await rm(path, { force: true });
    }
    const blobBytes = sum(blobs.map(({ sizeBytes }) => sizeBytes));
    const downloadBytes = sum(downloads.map(({ bytes }) => bytes));
    result = {
      images: [...leaving].map(imageOf),
      blobs: blobs.length,
      blobBytes,
      downloads: downloads.length,
      downloadBytes,
      cacheRecords: records.length,
      freedBytes: blobBytes + downloadBytes + sum(records.map(({ bytes }) => bytes)),
    };
    return manifests;
  });
  return result!;
}

async function leaves(directory: string, entry: Descriptor, { addedBeforeMs, used }: PruneOptions): Promise<boolean> {
  const isNamed = entry.annotations?.[nameAnnotation] !== undefined;
  if (isNamed && !(addedBeforeMs !== undefined && Number(entry.annotations?.[addedAnnotation] ?? 0) < addedBeforeMs))
    return false;
  if (!used || used.size === 0) return true;
  if (used.has(entry.digest)) return false;
  if (!indexTypes.includes(entry.mediaType)) return true;
  const { manifests } = await readImageParts(directory, entry.digest);
  return !manifests.some(({ descriptor }) => used.has(descriptor.digest));
}

function imageOf(entry: Descriptor): PruneResult['images'][number] {
  const reference = entry.annotations?.[nameAnnotation];
  const addedAtMs = Number(entry.annotations?.[addedAnnotation] ?? 0);
  return { ...(reference === undefined ? {} : { reference }), digest: entry.digest, addedAtMs };
}

function damaged(entry: Descriptor): Problem {
  const name = entry.annotations?.[nameAnnotation] ?? entry.digest;
  return new Problem('IMAGE_STORE_DAMAGED', `image ${name} cannot be read, so what it needs is not known; nothing was removed`, {
    remedy: 'See "sealctl store check"; remove that image, or pull, load or build it again.',
    details: { image: name },
  });
}

interface Leftover {
  readonly path: string;
  readonly bytes: number;
}

/** Beginnings of blobs that no process gathers now. */
async function idleDownloads(directory: string): Promise<Leftover[]> {
  const folder = join(directory, 'downloads');
  const found: Leftover[] = [];
  for (const name of (await list(folder)).filter((file) => /^[0-9a-f]{64}$/.test(file))) {
    const lock = tryLock(join(folder, `${name}.lock`));
    if (!lock) continue;
    await rm(join(folder, `${name}.lock`), { force: true });
    lock.release();
    found.push({ path: join(folder, name), bytes: (await stat(join(folder, name))).size });
  }
  return found;
}

async function cacheRecords(store: ImageStore, gone: ReadonlySet<string>, all: boolean): Promise<Leftover[]> {
  const folder = join(store.directory, 'cache');
  const found: Leftover[] = [];
  for (const name of await list(folder)) {
    const path = join(folder, name);
    if (all || (await isStale(store, path, gone))) found.push({ path, bytes: (await stat(path)).size });
  }
  return found;
}

/** A record of a layer that is not there, or goes now. What is no such record is left for a prune of the whole cache. */
async function isStale(store: ImageStore, path: string, gone: ReadonlySet<string>): Promise<boolean> {
  const digest = path.endsWith('.json') ? /"digest":"(sha256:[0-9a-f]{64})"/.exec(await readFile(path, 'utf8'))?.[1] : undefined;
  return digest !== undefined && (gone.has(digest) || (await store.blobSize(digest)) === undefined);
}

async function list(folder: string): Promise<string[]> {
  return readdir(folder).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return [];
    throw thrown;
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
