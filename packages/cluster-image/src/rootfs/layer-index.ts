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
const inventoryFiles: ReadonlySet<string> = new Set([
  'Metadata',
  'etc/kubeadm.yml',
  'etc/k0s.yaml',
  'etc/k3s.yaml',
  'etc/Clusterfile',
]);
const maximumTextBytes = 256 * 1024;

/** Whether an inventory holds the text of that file, if it has so many bytes. */
export function isTextOfInterest(path: string, bytes = 0): boolean {
  return inventoryFiles.has(path) && bytes <= maximumTextBytes;
}

/** An index of nothing. */
export function emptyLayerIndex(): LayerIndex {
  return { entries: [], removed: [], opaque: [], texts: {}, archived: {} };
}

/** Adds what an entry does, but the text of a file. */
export function noteEntry(
  index: LayerIndex,
  { path, kind, mode, target }: { path: string; kind: 'file' | 'directory' | 'symlink'; mode: number; target: string },
): void {
  const slash = path.lastIndexOf('/');
  const name = path.slice(slash + 1);
  const parent = slash === -1 ? '' : path.slice(0, slash);
  if (name === opaqueMarker) index.opaque.push(parent);
  else if (name.startsWith(whiteoutPrefix))
    index.removed.push(`${slash === -1 ? '' : `${parent}/`}${name.slice(whiteoutPrefix.length)}`);
  else index.entries.push([path, kind, mode & 0o7777, target]);
}

/** Keeps the index of a layer for the next one who asks. */
export async function keepLayerIndex(store: { readonly directory: string }, digest: string, index: LayerIndex): Promise<void> {
  await writeFileDurably(indexPath(store, digest), JSON.stringify(index));
}

function indexPath(store: { readonly directory: string }, digest: string): string {
  return join(store.directory, 'layer-index', `${digest.slice('sha256:'.length)}.json`);
}

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
  const known = await readCached(indexPath(store, layer.digest));
  if (known) return known;
  const index = await scanLayer(store.blobPath(layer.digest), layer, limits);
  await keepLayerIndex(store, layer.digest, index);
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
  const index = emptyLayerIndex();
  const source = { path, mediaType: layer.mediaType, expectedDigest: layer.digest, ...(limits ? { limits } : {}) };
  await readLayer(source, async ({ parts, header, body }) => {
    const name = parts.join('/');
    const kind = kindOf(header.type);
    if (!kind) throw hostile(`layer ${layer.digest}`, header.name, `it is a ${header.type ?? 'special file'}`);
    noteEntry(index, { path: name, kind, mode: header.mode, target: kind === 'symlink' ? (header.linkname ?? '') : '' });
    if (kind !== 'file') return;
    delete index.archived[name];
    if (header.type !== 'link' && isImageArchive(name)) index.archived[name] = await archivedNames(name, body);
    if (isTextOfInterest(name, header.size)) index.texts[name] = await readText(body);
    else delete index.texts[name];
  });
  return index;
}

async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function kindOf(type: string | null | undefined): 'file' | 'directory' | 'symlink' | undefined {
  if (type === 'directory' || type === 'symlink') return type;
  return type === 'file' || type === 'contiguous-file' || type === 'link' ? 'file' : undefined;
}
