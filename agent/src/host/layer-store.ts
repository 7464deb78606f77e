import { access, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { LayerRef } from '@seal/plan';
import type { BlobSource } from './blob-source.ts';
import { fetchBlob } from './fetch-blob.ts';
import { runTool } from './run-tool.ts';
import { SharedWork } from './shared-work.ts';

export type UnpackLayer = (options: {
  blob: string;
  mediaType: string;
  target: string;
  signal?: AbortSignal;
}) => Promise<unknown>;

export interface LayerStoreOptions {
  /** Holds `blobs/` and `layers/`, on one file system. */
  readonly stateDirectory: string;
  readonly source: BlobSource;
  readonly unpackLayer: UnpackLayer;
}

/**
 * Unpacked layers of ClusterImages on this node, by digest.
 *
 * INVARIANTS:
 * - `layers/<digest>` is complete: it is unpacked beside and renamed there.
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
    const beside = `${target}.unpacking`;
    await rm(beside, { recursive: true, force: true });
    await mkdir(beside, { recursive: true, mode: 0o755 });
    await unpackLayer({ blob, mediaType: layer.mediaType, target: beside, signal });
    // After a loss of power a directory with the right name must not lack files.
    await runTool({ argv: ['sync', '--file-system', beside], signal });
    await rename(beside, target);
    await rm(blob, { force: true });
    return 'fetched';
  }
}

function fileName(digest: string): string {
  return digest.replace(':', '-');
}
