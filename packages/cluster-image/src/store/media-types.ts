/** Media types that Seal reads; it writes the OCI ones. */
export const mediaTypes = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  layerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  layerPlain: 'application/vnd.oci.image.layer.v1.tar',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerIndex: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  dockerLayerPlain: 'application/vnd.docker.image.rootfs.diff.tar',
} as const;

/** Media types of what names a manifest for each platform. */
export const indexTypes: readonly string[] = [mediaTypes.index, mediaTypes.dockerIndex];

export type Compression = 'gzip' | 'zstd' | 'none';

const layerCompressions: Readonly<Record<string, Compression>> = {
  [mediaTypes.layerGzip]: 'gzip',
  [mediaTypes.layerZstd]: 'zstd',
  [mediaTypes.layerPlain]: 'none',
  [mediaTypes.dockerLayerGzip]: 'gzip',
  [mediaTypes.dockerLayerPlain]: 'none',
};

/** The OCI name of a layer's media type, of Docker's the one that means the same. */
export function ociLayerType(mediaType: string): string {
  if (mediaType === mediaTypes.dockerLayerGzip) return mediaTypes.layerGzip;
  if (mediaType === mediaTypes.dockerLayerPlain) return mediaTypes.layerPlain;
  return mediaType;
}

/** How a layer of this media type is compressed; undefined for what is no layer that Seal can unpack. */
export function layerCompression(mediaType: string): Compression | undefined {
  return Object.hasOwn(layerCompressions, mediaType) ? layerCompressions[mediaType] : undefined;
}
