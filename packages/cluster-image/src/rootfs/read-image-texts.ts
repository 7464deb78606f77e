import type { ImageStore } from '../store/image-store.ts';
import { layerIndex } from './layer-index.ts';
import { readLayer } from './read-layer.ts';

/** Bigger than any file that a person configures something in. */
const longestTextBytes = 1024 * 1024;

/**
 * The texts of those of `paths` (relative) that are regular files of an image's rootfs, up to 1 MiB each; a link or a larger file counts as not
 * there. Reads only layers that hold one of them. Throws IMAGE_NOT_FOUND and what readLayer throws.
 */
export async function readImageTexts(
  store: ImageStore,
  image: string,
  paths: readonly string[],
): Promise<Record<string, string>> {
  const { manifest } = await store.inspect(image);
  const wanted = new Set(paths);
  const texts = new Map<string, string>();
  for (const { digest, mediaType } of wanted.size > 0 ? manifest.layers : []) {
    const index = await layerIndex(store, { digest, mediaType });
    for (const path of index.opaque) forget(texts, (known) => path === '' || known.startsWith(`${path}/`));
    for (const path of index.removed) forget(texts, (known) => known === path || known.startsWith(`${path}/`));
    const here = new Set(index.entries.flatMap(([path, kind]) => (kind === 'directory' ? [] : [path])));
    forget(texts, (known) => here.has(known));
    if (![...wanted].some((path) => here.has(path))) continue;
    await readLayer({ path: store.blobPath(digest), mediaType, expectedDigest: digest }, async ({ parts, header, body }) => {
      const path = parts.join('/');
      if (!wanted.has(path) || header.type !== 'file' || header.size > longestTextBytes) return;
      const chunks: Uint8Array[] = [];
      for await (const chunk of body) chunks.push(chunk);
      texts.set(path, Buffer.concat(chunks).toString('utf8'));
    });
  }
  return Object.fromEntries(texts);
}

function forget(texts: Map<string, string>, gone: (path: string) => boolean): void {
  for (const path of [...texts.keys()]) if (gone(path)) texts.delete(path);
}
