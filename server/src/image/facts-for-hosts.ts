import { type ImageFacts, type ImageStore, readImageFacts } from '@seal/cluster-image';

/**
 * The facts of an image, of an index those of the platform that the hosts have, where all of them have the same one; else those for this
 * machine, and the preflight names the hosts that they do not fit. By a manifest's own digest it is always that one.
 * `archs`: architecture of each host, as far as it is known. Problems: those of readImageFacts.
 */
export async function factsForHosts(store: ImageStore, name: string, archs: readonly string[]): Promise<ImageFacts> {
  const [arch, another] = new Set(archs);
  if (arch === undefined || another !== undefined) return readImageFacts(store, name);
  const { indexDigest, digest, platforms } = await store.inspect(name);
  const isIndex = indexDigest !== undefined && !name.endsWith(digest);
  return readImageFacts(store, name, isIndex && platforms.some((platform) => platform.arch === arch) ? arch : undefined);
}
