import { type ImageStore, readInventory } from '@seal/cluster-image';
import { Problem } from '@seal/foundation';
import type { ImageFacts } from '@seal/runtime';

/** ClusterImages in the server's own store, as planners and the API need them. */
export class ImageCatalogue {
  readonly #store: ImageStore;

  constructor(store: ImageStore) {
    this.#store = store;
  }

  /** What a planner may know of an image, by name or digest. Problem: IMAGE_NOT_FOUND. */
  async facts(name: string): Promise<ImageFacts> {
    const { digest } = await this.#store.resolve(name);
    const manifest = await this.#store.readManifest(digest);
    const config = await this.#store.readConfig(manifest);
    const inventory = await readInventory(this.#store, manifest);
    return {
      reference: name,
      digest,
      arch: archOf(config.architecture, name),
      layers: manifest.layers.map((layer) => ({ digest: layer.digest, mediaType: layer.mediaType, sizeBytes: layer.size })),
      labels: config.config?.Labels ?? {},
      env: Object.fromEntries((config.config?.Env ?? []).map(splitEnv)),
      cmds: config.config?.Cmd ?? [],
      paths: inventory.paths,
      files: inventory.files,
    };
  }
}

function archOf(architecture: string, name: string): 'amd64' | 'arm64' {
  if (architecture === 'amd64' || architecture === 'arm64') return architecture;
  throw new Problem('IMAGE_ARCH_MISMATCH', `image ${name} is for the architecture "${architecture}"; Seal knows amd64 and arm64`);
}

function splitEnv(entry: string): [string, string] {
  const at = entry.indexOf('=');
  return at < 0 ? [entry, ''] : [entry.slice(0, at), entry.slice(at + 1)];
}
