import { mediaTypes } from '../store/media-types.ts';
import type { ImagePuller } from './container-images/collect-images.ts';

/** For tests: a registry that has every image, all of them one without layers. */
export const onePuller: ImagePuller = {
  async pullImage(_reference, _platform, store) {
    const config = await store.writeBlob([Buffer.from('{}')]);
    const manifest = {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: { mediaType: mediaTypes.config, digest: config.digest, size: config.sizeBytes },
      layers: [],
    };
    const { digest, sizeBytes } = await store.writeBlob([Buffer.from(JSON.stringify(manifest))]);
    return { mediaType: mediaTypes.manifest, digest, size: sizeBytes };
  },
};
