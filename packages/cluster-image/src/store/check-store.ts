import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { hashFile } from './blobs.ts';
import { missingBlobs } from './collect-garbage.ts';
import { nameAnnotation, readIndexFile } from './index-file.ts';
import { partsOf, readImageConfig, readImageParts } from './read-image.ts';

export interface CheckFinding {
  /** `damaged` bytes do not fit the digest, `missing` an image needs it, `invalid` a manifest or config cannot be read. */
  readonly kind: 'damaged' | 'missing' | 'invalid';
  readonly digest: string;
  /** The image that suffers, or several with commas between: name or manifest digest. */
  readonly image?: string;
  readonly message: string;
}

export interface CheckResult {
  readonly findings: readonly CheckFinding[];
  readonly images: number;
  readonly blobs: number;
  readonly bytes: number;
  /** Blobs that no image names: left by interrupted work, used again as cache, removed by the next clean-up. */
  readonly unreferencedBlobs: number;
}

/** Hashes every blob and follows every image. Changes nothing. */
export async function checkStore(storeDirectory: string): Promise<CheckResult> {
  const { manifests } = await readIndexFile(storeDirectory);
  const findings: CheckFinding[] = [];
  const neededBy = new Map<string, Set<string>>();
  const note = (digest: string, image: string) => neededBy.set(digest, (neededBy.get(digest) ?? new Set()).add(image));
  for (const descriptor of manifests) {
    const image = descriptor.annotations?.[nameAnnotation] ?? descriptor.digest;
    note(descriptor.digest, image);
    try {
      const parts = await readImageParts(storeDirectory, descriptor.digest);
      for (const { digest } of partsOf(parts)) note(digest, image);
      for (const digest of await missingBlobs(storeDirectory, partsOf(parts)))
        findings.push({
          kind: 'missing',
          digest,
          image,
          message: `${image} needs ${digest}, which is missing or of another size`,
        });
      for (const { manifest } of parts.manifests)
        if (!findings.some((finding) => finding.digest === manifest.config.digest))
          await readImageConfig(storeDirectory, manifest);
    } catch (thrown) {
      findings.push({ kind: 'invalid', digest: descriptor.digest, image, message: (thrown as Error).message });
    }
  }
  const blobDirectory = join(storeDirectory, 'blobs', 'sha256');
  const names = await readdir(blobDirectory);
  let blobs = 0;
  let bytes = 0;
  for (const hex of names) {
    const found = await hashFile(join(blobDirectory, hex)).catch(ignoreMissing);
    // A clean-up may have taken it meanwhile.
    if (!found) continue;
    const { digest, sizeBytes } = found;
    blobs += 1;
    bytes += sizeBytes;
    if (digest === `sha256:${hex}`) continue;
    const suffering = [...(neededBy.get(`sha256:${hex}`) ?? [])].join(', ');
    findings.push({
      kind: 'damaged',
      digest: `sha256:${hex}`,
      ...(suffering === '' ? {} : { image: suffering }),
      message: `the bytes of blob sha256:${hex} have the digest ${digest}`,
    });
  }
  const unreferencedBlobs = names.filter((hex) => !neededBy.has(`sha256:${hex}`)).length;
  return { findings, images: new Set(manifests.map(({ digest }) => digest)).size, blobs, bytes, unreferencedBlobs };
}

function ignoreMissing(thrown: NodeJS.ErrnoException): undefined {
  if (thrown.code !== 'ENOENT') throw thrown;
}
