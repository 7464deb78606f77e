import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { writeFileDurably } from '../store/durable-file.ts';
import { archivedNames, isImageArchive } from './archived-names.ts';
import { hostile, opaqueMarker, whiteoutPrefix } from './entry-path.ts';
import { type LayerLimits, readLayer } from './read-layer.ts';

/** What one layer does to a rootfs, in the order of its entries. */
const layerIndexSchema = z.object({
  /** Path, kind, permission bits, target of a symbolic link. */
  entries: z.array(z.tuple([z.string(), z.enum(['file', 'directory', 'symlink']), z.number(), z.string()])),
  /** Paths that it removes, and directories whose lower content it hides (`opaque`). */
  removed: z.array(z.string()),
  opaque: z.array(z.string()),
  /** Text of the files that planners read. */
  texts: z.record(z.string(), z.string()),
  /** Names of the container images in the archives that the layer brings, by path. */
  archived: z.record(z.string(), z.array(z.string())),
});

export type LayerIndex = z.infer<typeof layerIndexSchema>;

/** Files whose text an inventory holds, up to `maximumTextBytes`. */
export const inventoryFiles: ReadonlySet<string> = new Set([
  'Metadata',
  'etc/kubeadm.yml',
  'etc/k0s.yaml',
  'etc/k3s.yaml',
  'etc/Clusterfile',
]);
const maximumTextBytes = 256 * 1024;

export interface IndexedLayer {
  readonly digest: string;
  readonly mediaType: string;
}

/** The index of a layer in a store: read from the cache beside the blobs, else made by one pass over the layer. Throws like readLayer. */
export async function layerIndex(
  store: { readonly directory: string; blobPath(digest: string): string },
  layer: IndexedLayer,
  limits?: Partial<LayerLimits>,
): Promise<LayerIndex> {
  const cached = join(store.directory, 'layer-index', `${layer.digest.slice('sha256:'.length)}.json`);
  const known = await readCached(cached);
  if (known) return known;
  const index = await scanLayer(store.blobPath(layer.digest), layer, limits);
  await writeFileDurably(cached, JSON.stringify(index));
  return index;
}

async function readCached(path: string): Promise<LayerIndex | undefined> {
  const text = await readFile(path, 'utf8').catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return undefined;
    throw thrown;
  });
  // What another version of Seal wrote is made anew.
  return text === undefined ? undefined : layerIndexSchema.safeParse(JSON.parse(text)).data;
}

async function scanLayer(path: string, layer: IndexedLayer, limits: Partial<LayerLimits> | undefined): Promise<LayerIndex> {
  const index: LayerIndex = { entries: [], removed: [], opaque: [], texts: {}, archived: {} };
  const source = { path, mediaType: layer.mediaType, expectedDigest: layer.digest, ...(limits ? { limits } : {}) };
  await readLayer(source, async ({ parts, header, body }) => {
    const name = parts.join('/');
    const last = parts.at(-1) ?? '';
    const parent = parts.slice(0, -1).join('/');
    const mode = header.mode & 0o7777;
    if (last === opaqueMarker) index.opaque.push(parent);
    else if (last.startsWith(whiteoutPrefix))
      index.removed.push([...parts.slice(0, -1), last.slice(whiteoutPrefix.length)].join('/'));
    else if (header.type === 'directory') index.entries.push([name, 'directory', mode, '']);
    else if (header.type === 'symlink') index.entries.push([name, 'symlink', mode, header.linkname]);
    else if (header.type === 'file' || header.type === 'contiguous-file' || header.type === 'link') {
      index.entries.push([name, 'file', mode, '']);
      if (inventoryFiles.has(name) && header.size <= maximumTextBytes) index.texts[name] = await readText(body);
      else delete index.texts[name];
      if (header.type !== 'link' && isImageArchive(name)) index.archived[name] = await archivedNames(name, body);
    } else throw hostile(`layer ${layer.digest}`, header.name, `it is a ${header.type ?? 'special file'}`);
  });
  return index;
}

async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
