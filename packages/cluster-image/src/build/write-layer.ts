import { createHash } from 'node:crypto';
import { canonicalJson, Problem, sha256Digest } from '@seal/foundation';
import { writeBlob } from '../store/blobs.ts';
import { gzipBlocks } from '../store/gzip-blocks.ts';
import { mediaTypes } from '../store/media-types.ts';
import type { BuildContext } from './build-state.ts';
import { hashContents } from './hash-contents.ts';
import { indexEntries } from './index-entries.ts';
import { type BuiltLayer, findCachedLayer, knowsShape, rememberLayer, rememberShape } from './layer-cache.ts';
import type { PlannedEntry } from './planned-entry.ts';
import { contentSizes, tarBlocks } from './tar-blocks.ts';

/** Raised whenever the bytes of a layer of the same entries change, so that old cache records are not taken. */
const layerFormat = 2;

type LayerContext = Pick<BuildContext, 'store' | 'session' | 'epochSeconds' | 'noCache' | 'signal'>;

/**
 * Makes the layer of `entries` (sorted by path, owner 0:0, one time for all, no extended attributes), or finds it in the store: its key is
 * what the entries say and hold, so a layer is made anew exactly when its own content changes, whatever lies below it.
 * Throws BUILD_INPUT_INVALID when a file changes meanwhile, DISK_FULL, CANCELLED.
 */
export async function writeLayer(context: LayerContext, entries: readonly PlannedEntry[]): Promise<BuiltLayer> {
  const { store, epochSeconds, noCache } = context;
  const sizes = contentSizes(entries);
  const describe = (contents: readonly (string | number)[]) => {
    const described = entries.map(({ path, kind, mode, target }, index) => [path, kind, mode, target ?? contents[index] ?? '']);
    return sha256Digest(canonicalJson({ layerFormat, epochSeconds, described }));
  };
  const shape = describe(sizes);
  // Files are only read ahead for the key where such a layer may be there; else one pass does all.
  const hashed = !noCache && (await knowsShape(store, shape)) ? hashContents(entries, context.signal) : undefined;
  const known = hashed && (await findCachedLayer(store, describe(hashed)));
  if (known) return known;
  const digests: string[] = entries.map(() => '');
  const onContent = (index: number, digest: string) => {
    if (hashed !== undefined && hashed[index] !== digest) throw changed(entries[index]);
    digests[index] = digest;
  };
  const diff = createHash('sha256');
  const blocks = tarBlocks(entries, { epochSeconds, sizes, onContent, signal: context.signal });
  const { digest, sizeBytes } = await writeBlob(store.directory, context.session, gzipBlocks(hashedBy(blocks, diff)));
  const layer = { digest, sizeBytes, diffId: `sha256:${diff.digest('hex')}`, mediaType: mediaTypes.layerGzip, cached: false };
  await indexEntries(store, digest, entries);
  await rememberLayer(store, describe(digests), layer);
  await rememberShape(store, shape);
  return layer;
}

async function* hashedBy(blocks: AsyncIterable<Buffer>, hash: ReturnType<typeof createHash>): AsyncGenerator<Buffer> {
  for await (const block of blocks) {
    hash.update(block);
    yield block;
  }
}

function changed(entry: PlannedEntry | undefined): Problem {
  const where = entry?.content && 'path' in entry.content ? entry.content.path : entry?.path;
  return new Problem('BUILD_INPUT_INVALID', `${where} changed while it was read; build again when nobody writes to it`);
}
