import { Problem } from '@seal/foundation';
import { layerIndex } from '../../rootfs/layer-index.ts';
import { readLayer } from '../../rootfs/read-layer.ts';
import type { BuildContext, BuildState } from '../build-state.ts';

const largestFile = 16 * 1024 * 1024;

/** The bytes of the files of the rootfs that `wanted` takes, by path, sorted. Only layers that hold one are read. Throws BUILD_INPUT_INVALID. */
export async function rootfsFiles(
  { store }: Pick<BuildContext, 'store'>,
  state: BuildState,
  wanted: (path: string) => boolean,
): Promise<ReadonlyMap<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for (const layer of state.layers) {
    const { entries } = await layerIndex(store, layer);
    if (!entries.some(([path, kind]) => kind === 'file' && wanted(path))) continue;
    await readLayer({ ...layer, path: store.blobPath(layer.digest) }, async ({ parts, header, body }) => {
      const path = parts.join('/');
      if (header.type !== 'file' || !wanted(path)) return;
      if ((header.size ?? 0) > largestFile)
        throw new Problem(
          'BUILD_INPUT_INVALID',
          `${path} has ${header.size} bytes; a file that names images has at most ${largestFile}`,
        );
      const chunks: Uint8Array[] = [];
      for await (const chunk of body) chunks.push(chunk);
      files.set(path, Buffer.concat(chunks));
    });
  }
  return new Map([...files].filter(([path]) => state.tree.get(path)?.kind === 'file').sort(([a], [b]) => (a < b ? -1 : 1)));
}
