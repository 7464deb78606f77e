import { canonicalJson, Problem } from '@seal/foundation';
import { indexSchema } from '../../store/manifest.ts';
import { mediaTypes } from '../../store/media-types.ts';
import type { PlannedEntry } from '../planned-entry.ts';
import { registryFolder, type StoredContainerImage } from './registry-entries.ts';

/** Where the names of all collected images are told, for `ctr images import`. */
export const registryIndexPath = `${registryFolder}/index.json`;
const nameAnnotation = 'io.containerd.image.name';

/**
 * `registry/oci-layout` and `registry/index.json`: with the blobs beside them, renamed as an OCI layout has them, they are the archive that
 * containerd imports, every image under its whole name. `before` is the index.json of the base image.
 */
export function registryIndex(images: readonly StoredContainerImage[], before: Buffer | undefined): PlannedEntry[] {
  const manifests = new Map<string, object>();
  for (const manifest of before ? readBefore(before) : []) manifests.set(manifest.annotations?.[nameAnnotation] ?? '', manifest);
  for (const { named, descriptor, asked } of images) {
    const { registry, repository, tag, digest } = named.reference;
    // Container runtimes look for an image that is asked for by digest under NAME@DIGEST, whatever tag stands before it.
    const names = [
      ...(tag === undefined ? [] : [`${registry}/${repository}:${tag}`]),
      ...(digest ? [`${registry}/${repository}@${digest}`] : []),
    ];
    const { mediaType, digest: current, size } = asked ?? descriptor;
    for (const name of names) manifests.set(name, { mediaType, digest: current, size, annotations: { [nameAnnotation]: name } });
  }
  const sorted = [...manifests].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, manifest]) => manifest);
  return [
    textFile('oci-layout', '{"imageLayoutVersion":"1.0.0"}\n'),
    textFile('index.json', `${canonicalJson({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: sorted })}\n`),
  ];
}

function readBefore(bytes: Buffer) {
  try {
    return indexSchema.parse(JSON.parse(bytes.toString('utf8'))).manifests;
  } catch (cause) {
    throw new Problem(
      'BUILD_INPUT_INVALID',
      `${registryIndexPath} of the rootfs is no index of images: ${(cause as Error).message}`,
      {
        remedy: `Nobody but sealctl build writes that file; leave it out of what is copied.`,
        cause,
      },
    );
  }
}

function textFile(name: string, text: string): PlannedEntry {
  return { path: `${registryFolder}/${name}`, kind: 'file', mode: 0o644, content: { bytes: Buffer.from(text) } };
}
