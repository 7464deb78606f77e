import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { canonicalJson, Problem, sha256Digest } from '@seal/foundation';
import tar from 'tar-stream';
import * as z from 'zod';
import { hashFile, writeBlob } from '../store/blobs.ts';
import { layerGzip } from '../store/decompress.ts';
import { writeFileDurably } from '../store/durable-file.ts';
import type { ImageStore } from '../store/image-store.ts';
import { mediaTypes } from '../store/media-types.ts';
import type { BuildContext } from './build-state.ts';
import type { PlannedEntry } from './planned-entry.ts';

const layerRecordSchema = z.object({ digest: z.string(), sizeBytes: z.number(), diffId: z.string() });

/** A layer that lies in the store. */
export interface BuiltLayer {
  readonly digest: string;
  readonly mediaType: string;
  readonly sizeBytes: number;
  /** Digest of the uncompressed tar. */
  readonly diffId: string;
  /** True when it was found and not made. */
  readonly cached: boolean;
}

/** Raised whenever the bytes of a layer of the same entries change, so that old cache records are not taken. */
const layerFormat = 1;

/**
 * Makes the layer of `entries` (sorted by path, owner 0:0, one time for all, no extended attributes), or finds it in the store: its key is
 * what the entries say and hold, so a layer is made anew exactly when its own content changes, whatever lies below it.
 * Throws BUILD_INPUT_INVALID when a file changes meanwhile, DISK_FULL.
 */
export async function writeLayer(
  { store, session, epochSeconds, noCache }: Pick<BuildContext, 'store' | 'session' | 'epochSeconds' | 'noCache'>,
  entries: readonly PlannedEntry[],
): Promise<BuiltLayer> {
  const contents = await hashContents(entries);
  const described = entries.map(({ path, kind, mode, target }, index) => [
    path,
    kind,
    mode,
    target ?? contents[index]?.digest ?? '',
  ]);
  const key = sha256Digest(canonicalJson({ layerFormat, epochSeconds, described }));
  const known = noCache ? undefined : await findCachedLayer(store, key);
  if (known) return known;
  const hash = createHash('sha256');
  const pack = tar.pack();
  const gzip = layerGzip();
  const hashing = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  const compressed = pipeline(pack, hashing, gzip).catch((thrown: Error) => {
    gzip.destroy(thrown);
  });
  const packed = packEntries(pack, entries, contents, epochSeconds).catch((thrown: Error) => {
    pack.destroy(thrown);
  });
  const { digest, sizeBytes } = await writeBlob(store.directory, session, gzip);
  await Promise.all([compressed, packed]);
  const record = { digest, sizeBytes, diffId: `sha256:${hash.digest('hex')}` };
  await rememberLayer(store, key, record);
  return { ...record, mediaType: mediaTypes.layerGzip, cached: false };
}

/** The layer that was remembered under a key, if its blob is still in the store. */
export async function findCachedLayer(store: ImageStore, key: string): Promise<BuiltLayer | undefined> {
  const text = await readFile(cachePath(store, key), 'utf8').catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return undefined;
    throw thrown;
  });
  if (text === undefined) return undefined;
  const record = layerRecordSchema.parse(JSON.parse(text));
  if (!(await store.hasBlob(record.digest))) return undefined;
  return { ...record, mediaType: mediaTypes.layerGzip, cached: true };
}

/** Remembers a layer under a key for the next build. */
export async function rememberLayer(
  store: ImageStore,
  key: string,
  { digest, sizeBytes, diffId }: Pick<BuiltLayer, 'digest' | 'sizeBytes' | 'diffId'>,
): Promise<void> {
  await writeFileDurably(cachePath(store, key), `${JSON.stringify({ digest, sizeBytes, diffId })}\n`);
}

function cachePath(store: ImageStore, key: string): string {
  return join(store.directory, 'cache', `${key.slice('sha256:'.length)}.json`);
}

interface Content {
  readonly digest: string;
  readonly sizeBytes: number;
  /** Of a file: what must not change between hashing and packing. */
  readonly stamp: string;
}

async function hashContents(entries: readonly PlannedEntry[]): Promise<(Content | undefined)[]> {
  const contents: (Content | undefined)[] = [];
  for (const { content } of entries) {
    if (content === undefined) contents.push(undefined);
    else if ('bytes' in content)
      contents.push({ digest: sha256Digest(content.bytes), sizeBytes: content.bytes.length, stamp: '' });
    else if ('digest' in content)
      contents.push({ digest: content.digest, sizeBytes: content.sizeBytes, stamp: await stampOf(content.path) });
    else {
      const stamp = await stampOf(content.path);
      contents.push({ ...(await hashFile(content.path)), stamp });
    }
  }
  return contents;
}

async function packEntries(
  pack: tar.Pack,
  entries: readonly PlannedEntry[],
  contents: readonly (Content | undefined)[],
  epochSeconds: number,
): Promise<void> {
  const common = { uid: 0, gid: 0, uname: '', gname: '', mtime: new Date(epochSeconds * 1000) };
  for (const [index, entry] of entries.entries()) {
    const { path, kind, mode, target, content } = entry;
    if (kind === 'directory') pack.entry({ ...common, name: `${path}/`, type: 'directory', mode });
    else if (kind === 'symlink') pack.entry({ ...common, name: path, type: 'symlink', mode, linkname: target ?? '' });
    else if (content && 'path' in content) await packFile(pack, { ...common, name: path, mode }, content.path, contents[index]);
    else pack.entry({ ...common, name: path, mode }, content?.bytes ?? '');
  }
  pack.finalize();
}

async function packFile(
  pack: tar.Pack,
  header: { name: string; mode: number; mtime: Date },
  path: string,
  content: Content | undefined,
): Promise<void> {
  const changed = new Problem('BUILD_INPUT_INVALID', `${path} changed while it was read; build again when nobody writes to it`);
  const size = content?.sizeBytes ?? 0;
  const sink = pack.entry({ ...header, type: 'file', size }) as unknown as Writable;
  if (size === 0) sink.end();
  else await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024, end: size - 1 }), sink);
  if ((await stampOf(path)) !== content?.stamp) throw changed;
}

async function stampOf(path: string): Promise<string> {
  const { ino, size, ctimeNs } = await lstat(path, { bigint: true });
  return `${ino}:${size}:${ctimeNs}`;
}
