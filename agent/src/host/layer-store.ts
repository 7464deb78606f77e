import { access, mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { LayerRef } from '@seal/plan';
import type { BlobSource } from './blob-source.ts';
import { fetchBlob } from './fetch-blob.ts';
import type { RootfsPort } from './rootfs-port.ts';
import { SharedWork } from './shared-work.ts';

export interface LayerStoreOptions {
  /** Holds `blobs/` and `layers/`, on one file system. */
  readonly stateDirectory: string;
  readonly source: BlobSource;
  readonly unpackLayer: RootfsPort['unpackLayer'];
}

/**
 * Unpacked layers of ClusterImages on this node, by digest.
 *
 * INVARIANTS:
 * - `layers/<digest>` is complete: unpackLayer lets it appear as a whole.
 * - Of one digest at most one fetch and unpacking goes on, whatever number of operations wants it.
 * - A blob is removed once it is unpacked; a layer stays, for the next cluster or the next version of an image.
 */
export class LayerStore {
  readonly #options: LayerStoreOptions;
  readonly #work = new SharedWork<'there' | 'fetched'>();

  constructor(options: LayerStoreOptions) {
    this.#options = options;
  }

  /** Where the layer is unpacked, once `ensure` has resolved for it. */
  directory(digest: string): string {
    return join(this.#options.stateDirectory, 'layers', fileName(digest));
  }

  /** Fetches and unpacks the layer unless it is there. Problems: those of fetchBlob and unpackLayer. */
  ensure(layer: LayerRef, signal: AbortSignal, onProgress: (bytes: number) => void): Promise<'there' | 'fetched'> {
    return this.#work.do(layer.digest, signal, (shared) => this.#ensure(layer, shared, onProgress));
  }

  /** Removes what an agent that was killed left half unpacked. Only while nothing is being fetched. */
  async removeLeftovers(): Promise<void> {
    const layers = join(this.#options.stateDirectory, 'layers');
    await mkdir(layers, { recursive: true, mode: 0o700 });
    for (const name of await readdir(layers))
      if (name.includes('.partial-')) await rm(join(layers, name), { recursive: true, force: true });
  }

  async has(digest: string): Promise<boolean> {
    return access(this.directory(digest)).then(
      () => true,
      () => false,
    );
  }

  async #ensure(layer: LayerRef, signal: AbortSignal, onProgress: (bytes: number) => void): Promise<'there' | 'fetched'> {
    if (await this.has(layer.digest)) return 'there';
    const { stateDirectory, source, unpackLayer } = this.#options;
    const blob = join(stateDirectory, 'blobs', fileName(layer.digest));
    await fetchBlob(layer, { source, path: blob, signal, onProgress });
    const target = this.directory(layer.digest);
    signal.throwIfAborted();
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    await unpackLayer({ path: blob, mediaType: layer.mediaType, expectedDigest: layer.digest }, target);
    await rm(blob, { force: true });
    return 'fetched';
  }
}

function fileName(digest: string): string {
  return digest.replace(':', '-');
}
