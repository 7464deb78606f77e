import { createHash } from 'node:crypto';
import { canonicalJson, Problem, sha256Digest } from '@seal/foundation';
import { mostUnpackedBytes } from '../rootfs/read-layer.ts';
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
  const diff = { hash: createHash('sha256'), bytes: 0 };
  const blocks = tarBlocks(entries, { epochSeconds, sizes, onContent, signal: context.signal });
  const { digest, sizeBytes } = await writeBlob(store.directory, context.session, gzipBlocks(counted(blocks, diff)));
  refuseBomb(diff.bytes, sizeBytes);
  const layer = {
    digest,
    sizeBytes,
    diffId: `sha256:${diff.hash.digest('hex')}`,
    mediaType: mediaTypes.layerGzip,
    cached: false,
  };
  await indexEntries(store, digest, entries);
  await rememberLayer(store, describe(digests), layer);
  await rememberShape(store, shape);
  return layer;
}

async function* counted(
  blocks: AsyncIterable<Buffer>,
  diff: { readonly hash: ReturnType<typeof createHash>; bytes: number },
): AsyncGenerator<Buffer> {
  for await (const block of blocks) {
    diff.hash.update(block);
    diff.bytes += block.length;
    yield block;
  }
}

/** Better now than on every node. */
function refuseBomb(bytes: number, sizeBytes: number): void {
  const most = mostUnpackedBytes(sizeBytes);
  if (bytes <= most) return;
  throw new Problem(
    'BUILD_INPUT_INVALID',
    `the layer has ${bytes} bytes and ${sizeBytes} compressed: nodes unpack at most ${most} of it`,
    {
      remedy: 'Leave files out that are empty space, such as images of disks, or make them on the nodes.',
    },
  );
}

function changed(entry: PlannedEntry | undefined): Problem {
  const where = entry?.content && 'path' in entry.content ? entry.content.path : entry?.path;
  return new Problem('BUILD_INPUT_INVALID', `${where} changed while it was read; build again when nobody writes to it`);
}
