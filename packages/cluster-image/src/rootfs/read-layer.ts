import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { Problem } from '@seal/foundation';
import tar from 'tar-stream';
import { hashFile } from '../store/blobs.ts';
import { decompress } from '../store/decompress.ts';
import { layerCompression } from '../store/media-types.ts';
import { entryPath } from './entry-path.ts';

/** Bounds against archives that grow without end. */
export interface LayerLimits {
  /** Bytes after decompression, headers included. Default 64 GiB. */
  readonly maximumBytes: number;
  /** Entries. Default 1 000 000. */
  readonly maximumEntries: number;
  /** Beyond the first GiB a layer may not unpack to more than this many times its compressed size. Default 200. */
  readonly maximumRatio: number;
}

export const defaultLayerLimits: LayerLimits = { maximumBytes: 64 * 1024 ** 3, maximumEntries: 1_000_000, maximumRatio: 200 };

export interface LayerSource {
  readonly path: string;
  /** One of the layer media types of OCI and Docker. */
  readonly mediaType: string;
  /** Verified before anything is read out of the file. */
  readonly expectedDigest?: string;
  /** For messages; default the digest or the path. */
  readonly name?: string;
  readonly limits?: Partial<LayerLimits>;
}

/** An entry whose path was found to stay inside. `parts` is empty for the root directory itself. */
export interface LayerEntry {
  readonly parts: readonly string[];
  readonly header: tar.Header;
  readonly body: AsyncIterable<Uint8Array>;
}

const gibibyte = 1024 ** 3;

/** To how many bytes, headers included, a layer of `sizeBytes` may be unpacked. */
export function mostUnpackedBytes(sizeBytes: number, limits: LayerLimits = defaultLayerLimits): number {
  return Math.min(limits.maximumBytes, Math.max(gibibyte, sizeBytes * limits.maximumRatio));
}

/**
 * Calls `onEntry` for each entry of a tar layer, in order; what it leaves of the body is skipped. Throws LAYER_DIGEST_MISMATCH,
 * LAYER_TOO_LARGE, LAYER_CORRUPT, LAYER_HOSTILE (paths only; kinds are the caller's part), and what `onEntry` throws.
 */
export async function readLayer(source: LayerSource, onEntry: (entry: LayerEntry) => Promise<void>): Promise<void> {
  const limits = { ...defaultLayerLimits, ...source.limits };
  const name = source.name ?? source.expectedDigest ?? source.path;
  const compression = layerCompression(source.mediaType);
  if (!compression)
    throw new Problem('IMAGE_INVALID', `layer ${name} has the media type "${source.mediaType}", which is no tar layer`);
  const { sizeBytes } = await verified(source, name);
  const mostBytes = mostUnpackedBytes(sizeBytes, limits);
  const file = createReadStream(source.path, { highWaterMark: 256 * 1024 });
  const unpacked = decompress(file, compression);
  const extract = tar.extract();
  const fed = pipeline(limited(unpacked as AsyncIterable<Buffer>, mostBytes, name), extract).catch((cause: Error) => {
    extract.destroy(cause);
  });
  let entries = 0;
  try {
    for await (const body of extract) {
      entries += 1;
      if (entries > limits.maximumEntries)
        throw new Problem('LAYER_TOO_LARGE', `layer ${name} has more than ${limits.maximumEntries} entries`);
      await onEntry({
        parts: entryPath(body.header.name, `layer ${name}`),
        header: body.header,
        body: body as AsyncIterable<Uint8Array>,
      });
      body.resume();
    }
  } catch (thrown) {
    throw asLayerProblem(thrown, name);
  } finally {
    file.destroy();
    unpacked.destroy();
    await fed;
  }
}

async function verified({ path, expectedDigest }: LayerSource, name: string): Promise<{ sizeBytes: number }> {
  const { digest, sizeBytes } = await hashFile(path);
  if (expectedDigest !== undefined && digest !== expectedDigest) {
    throw new Problem('LAYER_DIGEST_MISMATCH', `layer ${name} has the digest ${digest}; its manifest says ${expectedDigest}`, {
      details: { expectedDigest, digest },
    });
  }
  return { sizeBytes };
}

async function* limited(chunks: AsyncIterable<Buffer>, mostBytes: number, name: string): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw new Problem('LAYER_TOO_LARGE', `layer ${name} unpacks to more than ${mostBytes} bytes`);
    yield chunk;
  }
}

/** Errors of the file system and of our own code stay what they are; what is left comes from zlib or the tar format. */
function asLayerProblem(thrown: unknown, name: string): unknown {
  const isOurs = thrown instanceof Problem || thrown instanceof TypeError || thrown instanceof RangeError;
  if (isOurs || (thrown as NodeJS.ErrnoException).syscall !== undefined) return thrown;
  return new Problem('LAYER_CORRUPT', `layer ${name} cannot be read: ${(thrown as Error).message}`, { cause: thrown });
}
