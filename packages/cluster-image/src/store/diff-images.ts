import { createHash } from 'node:crypto';
import { entryPath } from '../rootfs/entry-path.ts';
import { layerIndex } from '../rootfs/layer-index.ts';
import { readLayer } from '../rootfs/read-layer.ts';
import { RootfsTree, type TreeNode } from '../rootfs/rootfs-tree.ts';
import type { ImageStore, InspectedImage } from './image-store.ts';
import type { Descriptor } from './manifest.ts';

/** A file or symbolic link that only one of two images has. */
export interface DifferingPath {
  readonly path: string;
  readonly kind: TreeNode['kind'];
  /** Of the file; 0 for a link. */
  readonly sizeBytes: number;
  /** The layer it comes from. */
  readonly layer: string;
}

/** A path that both have and not alike. */
export interface ChangedPath {
  readonly path: string;
  readonly what: readonly ('kind' | 'content' | 'mode' | 'target')[];
  readonly before: Omit<DifferingPath, 'path'>;
  readonly after: Omit<DifferingPath, 'path'>;
}

export interface ImageDiff {
  /** Digests of the two manifests. */
  readonly before: string;
  readonly after: string;
  readonly added: readonly DifferingPath[];
  readonly removed: readonly DifferingPath[];
  readonly changed: readonly ChangedPath[];
  /** Layers that only one of them has, and how many both have. */
  readonly addedLayers: readonly { readonly digest: string; readonly sizeBytes: number }[];
  readonly removedLayers: readonly { readonly digest: string; readonly sizeBytes: number }[];
  readonly commonLayers: number;
  /** Labels, environment and CMD that differ; undefined on the side that has none. */
  readonly settings: readonly { readonly name: string; readonly before?: string; readonly after?: string }[];
}

/**
 * What `after` has that `before` has not, by path, as the rootfs of both would be; owners and times do not count. Layers that both have
 * are not read when nothing else touches their paths. Throws as readLayer does.
 */
export async function diffImages(store: ImageStore, before: InspectedImage, after: InspectedImage): Promise<ImageDiff> {
  const [a, b] = [await topOf(store, before), await topOf(store, after)];
  const paths = [...new Set([...a.tree.leafPaths(), ...b.tree.leafPaths()])].sort();
  // A path that comes from the same layer in both is the same.
  const open = paths.filter(
    (path) => a.leaf(path) === undefined || b.leaf(path) === undefined || a.owner(path) !== b.owner(path),
  );
  const [ofA, ofB] = [await describe(store, before, a, open), await describe(store, after, b, open)];
  const added: DifferingPath[] = [];
  const removed: DifferingPath[] = [];
  const changed: ChangedPath[] = [];
  for (const path of open) {
    const [x, y] = [ofA.get(path), ofB.get(path)];
    if (x && y) {
      const what = differences(x, y);
      if (what.length > 0) changed.push({ path, what, before: plain(x), after: plain(y) });
    } else if (y) added.push({ path, ...plain(y) });
    else if (x) removed.push({ path, ...plain(x) });
  }
  const layersOf = ({ manifest }: InspectedImage) => new Map(manifest.layers.map(({ digest, size }) => [digest, size]));
  const [layersA, layersB] = [layersOf(before), layersOf(after)];
  const missingIn = (from: Map<string, number>, other: Map<string, number>) =>
    [...from].filter(([digest]) => !other.has(digest)).map(([digest, sizeBytes]) => ({ digest, sizeBytes }));
  return {
    before: before.digest,
    after: after.digest,
    added,
    removed,
    changed,
    addedLayers: missingIn(layersB, layersA),
    removedLayers: missingIn(layersA, layersB),
    commonLayers: [...layersA.keys()].filter((digest) => layersB.has(digest)).length,
    settings: settingsOf(before, after),
  };
}

interface Top {
  readonly tree: RootfsTree;
  /** Undefined for directories and what is not there. */
  leaf(path: string): TreeNode | undefined;
  /** Digest of the layer that a path comes from. */
  owner(path: string): string;
}

async function topOf(store: ImageStore, { manifest }: InspectedImage): Promise<Top> {
  const tree = new RootfsTree();
  const owners = new Map<string, string>();
  for (const layer of manifest.layers) {
    const index = await layerIndex(store, layer);
    tree.apply(index);
    for (const [path] of index.entries) owners.set(path, layer.digest);
  }
  const leaf = (path: string) => {
    const node = tree.get(path);
    return node?.kind === 'directory' ? undefined : node;
  };
  return { tree, leaf, owner: (path) => owners.get(path) ?? '' };
}

interface Described extends Omit<DifferingPath, 'path'> {
  readonly node: TreeNode;
  readonly content: string;
}

async function describe(
  store: ImageStore,
  { manifest }: InspectedImage,
  { leaf, owner }: Top,
  paths: readonly string[],
): Promise<Map<string, Described>> {
  const described = new Map<string, Described>();
  const byLayer = Map.groupBy(
    paths.filter((path) => leaf(path)),
    owner,
  );
  for (const layer of new Map(manifest.layers.map((each) => [each.digest, each])).values()) {
    const own = byLayer.get(layer.digest) ?? [];
    const files = own.filter((path) => leaf(path)?.kind === 'file');
    const contents = files.length > 0 ? await readContents(store, layer, new Set(files)) : new Map();
    for (const path of own) {
      const node = leaf(path)!;
      const { digest = '', sizeBytes = 0 } = contents.get(path) ?? {};
      described.set(path, { node, kind: node.kind, content: digest, sizeBytes, layer: layer.digest });
    }
  }
  return described;
}

interface Content {
  readonly digest: string;
  readonly sizeBytes: number;
}

/** Size and digest of these files of a layer; a hard link has those of the file that it names. */
async function readContents(
  store: ImageStore,
  layer: Descriptor,
  wanted: ReadonlySet<string>,
  before: ReadonlySet<string> = new Set(),
): Promise<Map<string, Content>> {
  const contents = new Map<string, Content>();
  const links = new Map<string, string>();
  await readLayer({ ...layer, path: store.blobPath(layer.digest), name: layer.digest }, async ({ parts, header, body }) => {
    const path = parts.join('/');
    if (!wanted.has(path)) return;
    if (header.type === 'link') {
      links.set(path, entryPath(header.linkname ?? '', layer.digest).join('/'));
      return;
    }
    const hash = createHash('sha256');
    for await (const chunk of body) hash.update(chunk);
    contents.set(path, { digest: hash.digest('hex'), sizeBytes: header.size ?? 0 });
    links.delete(path);
  });
  // Hostile layers have links that name each other in a ring.
  const asked = new Set([...before, ...wanted]);
  const targets = new Set([...links.values()].filter((target) => !asked.has(target)));
  const more = targets.size > 0 ? await readContents(store, layer, targets, asked) : contents;
  for (const [path, target] of links) {
    const content = contents.get(target) ?? more.get(target);
    if (content) contents.set(path, content);
  }
  return contents;
}

function differences(x: Described, y: Described): ChangedPath['what'] {
  if (x.kind !== y.kind) return ['kind'];
  return [
    ...(x.content !== y.content ? (['content'] as const) : []),
    ...(x.kind === 'file' && x.node.mode !== y.node.mode ? (['mode'] as const) : []),
    ...(x.node.target !== y.node.target ? (['target'] as const) : []),
  ];
}

function plain({ kind, sizeBytes, layer }: Described): Omit<DifferingPath, 'path'> {
  return { kind, sizeBytes, layer };
}

function settingsOf(before: InspectedImage, after: InspectedImage): ImageDiff['settings'] {
  const read = ({ config, labels }: InspectedImage) =>
    new Map([
      ...Object.entries(labels).map(([name, value]) => [`label ${name}`, value] as const),
      ...(config.config?.Env ?? []).map((pair) => [`env ${pair.split('=')[0]}`, pair.slice(pair.indexOf('=') + 1)] as const),
      ...((config.config?.Cmd ?? []).length > 0 ? [['cmd', config.config?.Cmd?.join(' ; ') ?? ''] as const] : []),
    ]);
  const [a, b] = [read(before), read(after)];
  return [...new Set([...a.keys(), ...b.keys()])]
    .filter((name) => a.get(name) !== b.get(name))
    .sort()
    .map((name) => {
      const [x, y] = [a.get(name), b.get(name)];
      return { name, ...(x === undefined ? {} : { before: x }), ...(y === undefined ? {} : { after: y }) };
    });
}
