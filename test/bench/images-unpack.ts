import { mediaTypes, unpackLayer } from '@seal/cluster-image';

/** `images-unpack.ts LAYER TARGET`: unpacks one layer, verified, as an agent does, but for the sync at the end. */
const [path = '', target = ''] = process.argv.slice(2);
const expectedDigest = `sha256:${path.split('/').at(-1)}`;
await unpackLayer({ path, mediaType: mediaTypes.layerGzip, expectedDigest }, target, { durable: false });
