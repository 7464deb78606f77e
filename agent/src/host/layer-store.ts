import { access, mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Clock, Problem } from '@seal/foundation';
import type { LayerRef } from '@seal/plan';
import type { BlobSource } from './blob-source.ts';
import { fetchBlob } from './fetch-blob.ts';
import type { RootfsPort } from './rootfs-port.ts';
import { SharedWork } from './shared-work.ts';
import { markUsed, sweepBlobs, sweepLayers } from './sweep-layers.ts';

export interface LayerStoreOptions {
  /** Holds `blobs/` and `layers/`, on one file system. */
  readonly stateDirectory: string;
  readonly source: BlobSource;
  readonly unpackLayer: RootfsPort['unpackLayer'];
  /** Digests of the layers that a rootfs of this host is made of. */
  mounted(): Promise<readonly string[]>;
  /** How long a layer stays that no rootfs uses. */
  readonly keepUnusedMs: number;
  readonly clock: Clock;
}

/**
 * Unpacked layers of ClusterImages on this node, by digest.
 *
 * INVARIANTS:
 * - `layers/<digest>` is complete: unpackLayer lets it appear as a whole.
 * - Of one digest at most one fetch and unpacking goes on, whatever number of operations wants it.
 * - A blob is removed once it is unpacked; a layer that no rootfs uses any more stays for `keepUnusedMs`, for the next cluster or version of an
 *   image, and goes earlier when room is needed.
 * - A layer that is mounted, or that `ensure` was asked for since the last `release`, is never removed.
 */
export class LayerStore {
  readonly #options: LayerStoreOptions;
  readonly #work = new SharedWork<'there' | 'fetched'>();
  /** File names of layers that were asked for and are not yet part of a rootfs. */
  readonly #claimed = new Set<string>();
  /** INVARIANT: sweeps take turns. */
  #sweeping: Promise<unknown> = Promise.resolve();

  constructor(options: LayerStoreOptions) {
    this.#options = options;
  }

  /** Where the layer is unpacked, once `ensure` has resolved for it. */
  directory(digest: string): string {
    return join(this.#layers, fileName(digest));
  }

  /**
   * Fetches and unpacks the layer unless it is there, and keeps it until `release`. Where the disk is full, unused layers make room.
   * Problems: those of fetchBlob and unpackLayer.
   */
  ensure(layer: LayerRef, signal: AbortSignal, onProgress: (bytes: number) => void = () => undefined) {
    this.#claimed.add(fileName(layer.digest));
    return this.#work.do(layer.digest, signal, (shared) => this.#ensureWithRoom(layer, shared, onProgress));
  }

  /** From now on only being mounted keeps these layers; the time for which unused ones stay begins. */
  async release(digests: readonly string[]): Promise<void> {
    for (const digest of digests) {
      this.#claimed.delete(fileName(digest));
      if (await this.has(digest)) await markUsed(this.#layers, fileName(digest), this.#options.clock.now());
    }
  }

  /** Removes layers that no rootfs has used for `keepUnusedMs` (another number for another time). Returns the names of their directories. */
  sweep(unusedForMs = this.#options.keepUnusedMs): Promise<string[]> {
    const sweep = this.#sweeping.then(async () => {
      const mounted = new Set((await this.#options.mounted()).map(fileName));
      const now = this.#options.clock.now();
      const keep = (name: string) => mounted.has(name) || this.#claimed.has(name);
      const rule = { keep, usedBefore: now - unusedForMs, now };
      await sweepBlobs(join(this.#options.stateDirectory, 'blobs'), rule);
      return sweepLayers(this.#layers, rule);
    });
    this.#sweeping = sweep.catch(() => undefined); // told to whoever asked for this sweep
    return sweep;
  }

  /** Removes what an agent that was killed left half unpacked. Only while nothing is being fetched. */
  async removeLeftovers(): Promise<void> {
    await mkdir(this.#layers, { recursive: true, mode: 0o700 });
    for (const name of await readdir(this.#layers))
      if (name.includes('.partial-')) await rm(join(this.#layers, name), { recursive: true, force: true });
  }

  async has(digest: string): Promise<boolean> {
    return access(this.directory(digest)).then(
      () => true,
      () => false,
    );
  }

  get #layers(): string {
    return join(this.#options.stateDirectory, 'layers');
  }

  async #ensureWithRoom(layer: LayerRef, signal: AbortSignal, onProgress: (bytes: number) => void) {
    try {
      return await this.#ensure(layer, signal, onProgress);
    } catch (error) {
      const isFull = error instanceof Problem && error.code === 'NODE_DISK_FULL';
      // Below zero: also what became unused in this very millisecond.
      if (!isFull || (await this.sweep(-1)).length === 0) throw error;
      return this.#ensure(layer, signal, onProgress);
    }
  }

  async #ensure(layer: LayerRef, signal: AbortSignal, onProgress: (bytes: number) => void): Promise<'there' | 'fetched'> {
    await this.#sweeping; // one that began before this layer was claimed may be removing it
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
