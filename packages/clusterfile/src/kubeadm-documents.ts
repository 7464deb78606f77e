import type { Document } from 'yaml';
import type { Cluster } from './cluster.ts';
import type { ClusterfileReader } from './clusterfile-reader.ts';

/** The raw documents that kubeadm reads, which a Clusterfile may carry. */
export const kubeadmKinds = [
  'InitConfiguration',
  'JoinConfiguration',
  'ClusterConfiguration',
  'KubeletConfiguration',
  'KubeProxyConfiguration',
] as const;

type Tree = Readonly<Record<string, unknown>>;

/** `kubeadm` with one more document; of two documents of one kind the later wins, field by field. */
export function mergeKubeadmDocument(
  reader: ClusterfileReader,
  document: Document.Parsed,
  kubeadm: Cluster['kubeadm'],
): Cluster['kubeadm'] {
  const { kind, ...tree } = plainTree(reader, document);
  if (typeof kind !== 'string') return kubeadm;
  return { ...kubeadm, [kind]: mergeTrees(kubeadm[kind] ?? {}, tree) };
}

/** Mappings are merged field by field; anything else of `over` replaces what `base` has. */
export function mergeTrees(base: Tree, over: Tree): Tree {
  const merged: Record<string, unknown> = { ...base };
  for (const [name, value] of Object.entries(over)) {
    const below = Object.hasOwn(merged, name) ? merged[name] : undefined;
    setOwn(merged, name, isTree(below) && isTree(value) ? mergeTrees(below, value) : value);
  }
  return merged;
}

export function isTree(value: unknown): value is Tree {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** Plain assignment would give "__proto__" another meaning. */
function setOwn(target: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
}

/** As JSON; aliases resolved within a bound, so that a small file cannot become a huge tree. */
function plainTree(reader: ClusterfileReader, document: Document.Parsed): Tree {
  try {
    return JSON.parse(JSON.stringify(document.toJS({ maxAliasCount: 100 }))) as Tree;
  } catch (error) {
    reader.wrong(document.contents, `this document cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    return {};
  }
}
