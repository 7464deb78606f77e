import { join } from 'node:path';
import { sha256Digest } from '@seal/foundation';
import type { Log } from '../runner/runner-ports.ts';
import type { LayerStore } from './layer-store.ts';
import type { MountRecord } from './mount-record.ts';
import type { RootfsPort } from './rootfs-port.ts';

export interface RootfsMountsPorts {
  readonly rootfs: RootfsPort;
  readonly layers: LayerStore;
  readonly record: MountRecord;
  /** Holds a directory for the writable top of each rootfs. */
  readonly stateDirectory: string;
}

/** The rootfs of this host: made, taken away, and brought back after a reboot. */
export class RootfsMounts {
  readonly #ports: RootfsMountsPorts;

  constructor(ports: RootfsMountsPorts) {
    this.#ports = ports;
  }

  /** Makes the rootfs, in the place of one of other layers. `ensure` of the layer store has been asked for the layers. */
  async mount(mountPoint: string, layers: readonly string[], env: Readonly<Record<string, string>>): Promise<void> {
    await this.#mount(mountPoint, layers);
    await this.#ports.rootfs.renderTemplates(mountPoint, env);
    const before = (await this.#ports.record.read())[mountPoint];
    await this.#ports.record.add(mountPoint, { layers: [...layers] });
    await this.#ports.layers.release([...layers, ...(before?.layers ?? [])]);
  }

  /** Lays layers over a rootfs, takes others away, and renders the templates. `ensure` of the layer store has been asked for all of them. */
  async layOver(
    rootfs: string,
    layers: { readonly base: readonly string[]; readonly over: readonly string[]; readonly removed: readonly string[] },
    env: Readonly<Record<string, string>>,
  ): Promise<void> {
    const directories = (digests: readonly string[]) => digests.map((digest) => this.#ports.layers.directory(digest));
    const { base, over, removed } = layers;
    const [baseDirs, overDirs, removedDirs] = [directories(base), directories(over), directories(removed)];
    await this.#ports.rootfs.layOver({ rootfs, baseDirs, overDirs, removedDirs });
    await this.#ports.rootfs.renderTemplates(rootfs, env);
    await this.#ports.layers.release([...base, ...over, ...removed]);
  }

  /** Renders the templates below some directories of a rootfs; gives the paths that were written. */
  renderTemplates(rootfs: string, directories: readonly string[], env: Readonly<Record<string, string>>) {
    return this.#ports.rootfs.renderTemplates(rootfs, env, directories);
  }

  /** Takes the rootfs away, or every one below a directory, and the directory with them. */
  async unmount(mountPoint: string): Promise<void> {
    const all = Object.entries(await this.#ports.record.read());
    const below = all.filter(([path]) => path.startsWith(`${mountPoint}/`)).map(([path]) => path);
    for (const path of [...below, mountPoint]) {
      // Forgotten first: what is half taken away must not come back with the next boot.
      await this.#ports.record.remove(path);
      await this.#ports.rootfs.unmount({ mountPoint: path, workDir: this.#workDirectory(path) });
    }
    const gone = all.filter(([path]) => path === mountPoint || below.includes(path));
    await this.#ports.layers.release(gone.flatMap(([, { layers }]) => layers));
    await this.#ports.layers.sweep();
  }

  /** Mounts again what a reboot has unmounted, with what was written on top of it. One that fails is logged; the others come. */
  async restore(log: Log): Promise<void> {
    for (const [mountPoint, { layers }] of Object.entries(await this.#ports.record.read())) {
      try {
        await this.#mount(mountPoint, layers);
        log.info({ mountPoint }, 'the rootfs of a cluster is in place');
      } catch (error) {
        log.error({ mountPoint, err: error }, 'a rootfs could not be mounted again');
      }
    }
  }

  #mount(mountPoint: string, layers: readonly string[]): Promise<unknown> {
    const layerDirs = layers.map((digest) => this.#ports.layers.directory(digest));
    return this.#ports.rootfs.mount({ layerDirs, mountPoint, workDir: this.#workDirectory(mountPoint) });
  }

  #workDirectory(mountPoint: string): string {
    return join(this.#ports.stateDirectory, sha256Digest(mountPoint).slice(7, 23));
  }
}
