import { Problem } from '@seal/foundation';
import { parseReference } from '../reference/parse-reference.ts';
import { nameAnnotation } from './index-file.ts';
import type { Descriptor } from './manifest.ts';
import { indexTypes } from './media-types.ts';
import { readImageParts } from './read-image.ts';

/**
 * The entries of index.json that `name` means: a reference (`kubernetes:1.20.2`), a digest, `NAME@sha256:…`, or at least 6 hex digits of
 * one. All entries have the same digest. Throws IMAGE_NOT_FOUND (with what is there) and IMAGE_AMBIGUOUS.
 */
export function findImage(manifests: readonly Descriptor[], name: string): readonly [Descriptor, ...Descriptor[]] {
  const [first, ...rest] = entriesOf(manifests, name);
  if (!first) throw notFound(manifests, name);
  return [first, ...rest];
}

/**
 * As findImage; the whole digest of one platform's manifest means the entry whose index has it, with that manifest as `part`.
 * Clusters remember their image by it.
 */
export async function findImageOrPart(
  storeDirectory: string,
  manifests: readonly Descriptor[],
  name: string,
): Promise<{ readonly entry: Descriptor; readonly part?: string }> {
  const digest = /^(?:[^@]*@)?(sha256:[0-9a-f]{64})$/.exec(name)?.[1];
  if (digest !== undefined && !manifests.some((entry) => entry.digest === digest))
    for (const entry of manifests.filter(({ mediaType }) => indexTypes.includes(mediaType))) {
      const parts = await readImageParts(storeDirectory, entry.digest);
      if (parts.manifests.some(({ descriptor }) => descriptor.digest === digest)) return { entry, part: digest };
    }
  return { entry: findImage(manifests, name)[0] };
}

function entriesOf(manifests: readonly Descriptor[], name: string): readonly Descriptor[] {
  if (/^sha256:[0-9a-f]{64}$/.test(name)) return manifests.filter(({ digest }) => digest === name);
  const short = /^(?:sha256:)?([0-9a-f]{6,64})$/.exec(name)?.[1];
  const named = name.startsWith('sha256:') ? [] : byReference(manifests, name);
  if (named.length > 0 || short === undefined) return named;
  const fitting = manifests.filter(({ digest }) => digest.startsWith(`sha256:${short}`));
  const digests = [...new Set(fitting.map(({ digest }) => digest))];
  if (digests.length > 1) {
    throw new Problem('IMAGE_AMBIGUOUS', `"${name}" is the beginning of ${digests.length} images: ${digests.join(', ')}`, {
      details: { name, digests },
    });
  }
  return fitting;
}

function byReference(manifests: readonly Descriptor[], name: string): readonly Descriptor[] {
  const reference = parseReference(name);
  if (reference.digest !== undefined) return manifests.filter(({ digest }) => digest === reference.digest);
  return manifests.filter(({ annotations }) => annotations?.[nameAnnotation] === reference.text);
}

function notFound(manifests: readonly Descriptor[], name: string): Problem {
  const names = manifests.map(({ annotations, digest }) => annotations?.[nameAnnotation] ?? digest);
  const shown = names.slice(0, 10).join(', ') + (names.length > 10 ? ` and ${names.length - 10} more` : '');
  const there = names.length === 0 ? 'the store is empty' : `the store has: ${shown}`;
  return new Problem('IMAGE_NOT_FOUND', `no image "${name}" in the store; ${there}`, { details: { name, images: names } });
}
