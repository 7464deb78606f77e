import { canonicalJson } from '@seal/foundation';
import { writeBlob } from '../store/blobs.ts';
import { extensionAnnotation, extensionText, type ImageKind, kindLabels, sealosType } from '../store/image-extension.ts';
import { mediaTypes } from '../store/media-types.ts';
import type { Arch, BuildContext, BuildState } from './build-state.ts';
import { imageConfig } from './image-config.ts';

/** Writes config and manifest, with what sealer (annotation) and sealos (label) read of an image. */
export async function writeImage(
  context: BuildContext,
  state: BuildState,
  kind: ImageKind,
): Promise<{ digest: string; manifestBytes: number }> {
  const [label] = kindLabels;
  if (!kindLabels.some((name) => state.labels.has(name))) state.labels.set(label, sealosType(kind));
  const config = await write(context, imageConfig(state, context.epochSeconds));
  const extension = extensionText({
    kind,
    apps: [...state.apps.values()],
    launch: state.launch,
    cmds: state.cmds,
    labels: sorted(state.labels),
    env: sorted(state.env),
  });
  const manifest = await write(context, {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: { mediaType: mediaTypes.config, digest: config.digest, size: config.sizeBytes },
    layers: state.layers.map(({ digest, mediaType, sizeBytes }) => ({ mediaType, digest, size: sizeBytes })),
    annotations: { [extensionAnnotation]: extension },
  });
  return { digest: manifest.digest, manifestBytes: manifest.sizeBytes };
}

/** Writes the index that holds the manifests of several architectures, and gives its digest. */
export async function writeIndex(
  context: BuildContext,
  images: readonly { readonly arch: Arch; readonly digest: string; readonly manifestBytes: number }[],
): Promise<string> {
  const index = await write(context, {
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    manifests: images.map(({ arch, digest, manifestBytes }) => ({
      mediaType: mediaTypes.manifest,
      digest,
      size: manifestBytes,
      platform: { os: 'linux', architecture: arch, ...(arch === 'arm64' ? { variant: 'v8' } : {}) },
    })),
  });
  return index.digest;
}

function write({ store, session }: BuildContext, value: unknown) {
  return writeBlob(store.directory, session, [Buffer.from(canonicalJson(value))]);
}

/** Their order in a Kubefile must not alter the digest. */
function sorted(values: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries([...values].sort(([a], [b]) => (a < b ? -1 : 1)));
}
