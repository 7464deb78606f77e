import type { LayerIndex } from './layer-index.ts';

export interface TreeNode {
  readonly kind: 'file' | 'directory' | 'symlink';
  readonly mode: number;
  /** Of a symbolic link. */
  readonly target: string;
}

/** The paths of a rootfs as layers make them, one on top of the other; no file is touched. */
export class RootfsTree {
  readonly #nodes = new Map<string, TreeNode>();
  readonly #texts = new Map<string, string>();
  readonly #archived = new Map<string, readonly string[]>();

  /** Lays one more layer on top. */
  apply(layer: LayerIndex): void {
    for (const path of layer.opaque) this.#removeBelow(path);
    for (const path of layer.removed) this.#remove(path);
    for (const [path, kind, mode, target] of layer.entries) {
      if (path === '') continue;
      if (kind !== 'directory') this.#remove(path);
      this.#addParents(path);
      this.#nodes.set(path, { kind, mode, target });
      const text = layer.texts[path];
      if (text === undefined) this.#texts.delete(path);
      else this.#texts.set(path, text);
      const archived = layer.archived[path];
      if (archived) this.#archived.set(path, archived);
    }
  }

  get(path: string): TreeNode | undefined {
    return path === '' ? { kind: 'directory', mode: 0o755, target: '' } : this.#nodes.get(path);
  }

  /** Every file and symbolic link, sorted by code units. */
  leafPaths(): string[] {
    return [...this.#nodes]
      .filter(([, { kind }]) => kind !== 'directory')
      .map(([path]) => path)
      .sort();
  }

  /** Names of the container images that lie in archives of the rootfs (`images/`). */
  archivedImages(): string[] {
    return [...this.#archived.values()].flat();
  }

  texts(): Record<string, string> {
    return Object.fromEntries(this.#texts);
  }

  #addParents(path: string): void {
    for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1)) {
      const parent = path.slice(0, slash);
      if (this.#nodes.get(parent)?.kind !== 'directory') this.#nodes.set(parent, { kind: 'directory', mode: 0o755, target: '' });
    }
  }

  #remove(path: string): void {
    const node = this.#nodes.get(path);
    if (!node) return;
    if (node.kind === 'directory') this.#removeBelow(path);
    this.#forget(path);
  }

  #forget(path: string): void {
    this.#nodes.delete(path);
    this.#texts.delete(path);
    this.#archived.delete(path);
  }

  #removeBelow(path: string): void {
    const prefix = path === '' ? '' : `${path}/`;
    for (const known of [...this.#nodes.keys()]) {
      if (known.startsWith(prefix)) this.#forget(known);
    }
  }
}
