import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import tar from 'tar-stream';
import { decompress } from '../store/decompress.ts';
import type { Compression } from '../store/media-types.ts';

const archivePath = /^images\/[^/]+\.(?:tar|tar\.gz|tgz|tar\.zst)$/;
/** Bounds for what lies in such an archive, which may be compressed in a layer that is compressed itself. Beyond them no name is told. */
export interface ArchiveBounds {
  /** Bytes of all manifest.json and index.json together. Default 4 MiB. */
  readonly descriptionBytes: number;
  /** Bytes it may unpack to in any case, and as many times its own size beyond. Default 1 GiB and 200. */
  readonly bytes: number;
  readonly ratio: number;
}

const defaultBounds: ArchiveBounds = { descriptionBytes: 4 * 1024 * 1024, bytes: 1024 ** 3, ratio: 200 };

/** Whether a file of a rootfs is an archive of container images, as its scripts import them: `images/*.tar`, plain or compressed. */
export function isImageArchive(path: string): boolean {
  return archivePath.test(path);
}

/**
 * The names of the container images in a docker-archive or oci-archive, as they are written there; none where the file is neither. Reads
 * `body` to its end.
 */
export async function archivedNames(
  path: string,
  body: AsyncIterable<Uint8Array>,
  bounds: ArchiveBounds = defaultBounds,
): Promise<string[]> {
  let read = 0;
  const mostBytes = () => Math.max(bounds.bytes, read * bounds.ratio);
  const input = new PassThrough({ highWaterMark: 1024 * 1024 });
  let names: string[] | undefined;
  const unpacked = decompress(input, compressionOf(path)) as AsyncIterable<Buffer>;
  const reading = readNames(within(unpacked, mostBytes), bounds.descriptionBytes).then(
    (found) => {
      names = found;
    },
    () => {
      // Whatever else lies in images/: the scripts of the rootfs know what it is.
      names = [];
    },
  );
  input.on('error', () => {
    // The reader has ended before the file; `names` is set then.
  });
  for await (const chunk of body) {
    read += chunk.length;
    if (names === undefined && !input.write(chunk)) await drained(input, reading);
  }
  input.end();
  await reading;
  input.destroy();
  return names ?? [];
}

async function* within(chunks: AsyncIterable<Buffer>, mostBytes: () => number): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > mostBytes()) throw new RangeError('the archive unpacks to too much');
    yield chunk;
  }
}

async function drained(input: PassThrough, reading: Promise<void>): Promise<void> {
  const stop = new AbortController();
  const drain = once(input, 'drain', { signal: stop.signal }).catch(() => undefined);
  await Promise.race([drain, reading]);
  stop.abort();
}

function compressionOf(path: string): Compression {
  if (path.endsWith('.zst')) return 'zstd';
  return path.endsWith('gz') ? 'gzip' : 'none';
}

async function readNames(bytes: AsyncIterable<Buffer>, mostDescription: number): Promise<string[]> {
  const extract = tar.extract();
  const fed = pipeline(bytes, extract).catch((cause: Error) => {
    extract.destroy(cause);
  });
  const names = new Set<string>();
  let described = 0;
  try {
    for await (const entry of extract) {
      const { name, size = 0 } = entry.header;
      const plain = name.replace(/^\.\//, '');
      if (plain === 'manifest.json' || plain === 'index.json') {
        described += size;
        if (described > mostDescription) throw new RangeError('the archive describes too many images');
        const chunks: Uint8Array[] = [];
        for await (const chunk of entry as AsyncIterable<Uint8Array>) chunks.push(chunk);
        for (const each of namesIn(JSON.parse(Buffer.concat(chunks).toString('utf8')))) names.add(each);
      } else entry.resume();
    }
  } finally {
    extract.destroy();
    await fed;
  }
  return [...names].sort();
}

/** RepoTags of `docker save`, or the names that containerd reads in an OCI index. */
function namesIn(description: unknown): string[] {
  if (Array.isArray(description))
    return description.flatMap(({ RepoTags }: { RepoTags?: unknown }) => (Array.isArray(RepoTags) ? RepoTags.map(String) : []));
  const { manifests } = description as { manifests?: unknown };
  if (!Array.isArray(manifests)) return [];
  return manifests.flatMap(({ annotations = {} }: { annotations?: Record<string, unknown> }) => {
    const name = annotations['io.containerd.image.name'] ?? annotations['org.opencontainers.image.ref.name'];
    return typeof name === 'string' ? [name] : [];
  });
}
