import { createReadStream, createWriteStream } from 'node:fs';
import { posix } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Problem } from '@seal/foundation';
import tar from 'tar-stream';
import { decompress, fileCompression } from './decompress.ts';
import { withDiskFull } from './durable-file.ts';
import type { StoreSession } from './session.ts';

/** The regular files of an image archive, put aside under names of our own, so that no name in the archive ever becomes a path. */
export interface ArchiveFiles {
  has(name: string): boolean;
  /** Where the content of the archive's file `name` lies. */
  path(name: string): string | undefined;
  /** To call after the file was moved away. */
  forget(name: string): void;
}

const maximumEntries = 20_000;
const maximumBytes = 256 * 1024 ** 3;

/**
 * Spreads an image archive (plain, gzip or zstd) into the session. Links inside the archive are followed by name (old `docker save` links
 * equal layers), other kinds of entries are refused. Throws IMAGE_INVALID, LAYER_CORRUPT, LAYER_TOO_LARGE, DISK_FULL.
 */
export async function archiveFiles(file: string, session: StoreSession): Promise<ArchiveFiles> {
  const paths = new Map<string, string>();
  const links = new Map<string, string>();
  const extract = tar.extract();
  const source = decompress(createReadStream(file), await compressionOf(file));
  const fed = pipeline(atMost(source as AsyncIterable<Buffer>, maximumBytes, file), extract).catch((cause: Error) => {
    extract.destroy(cause);
  });
  let entries = 0;
  let bytes = 0;
  await withDiskFull(session.directory, async () => {
    try {
      for await (const entry of extract) {
        const { name: written, type, linkname, size = 0 } = entry.header;
        entries += 1;
        bytes += size;
        if (entries > maximumEntries || bytes > maximumBytes)
          throw new Problem('LAYER_TOO_LARGE', `${file} has more than ${maximumEntries} entries or ${maximumBytes} bytes`);
        const name = posix
          .normalize(written)
          .replace(/^\.?\/+/, '')
          .replace(/\/$/, '');
        if (type === 'file') {
          const path = session.path('entry');
          await pipeline(entry, createWriteStream(path, { flags: 'wx', mode: 0o600 }));
          paths.set(name, path);
          continue;
        }
        if (type === 'symlink') links.set(name, posix.normalize(posix.join(posix.dirname(name), linkname ?? '')));
        else if (type === 'link') links.set(name, posix.normalize(linkname ?? ''));
        else if (type !== 'directory')
          throw new Problem('IMAGE_INVALID', `${file} has an entry "${written}" of the kind ${type}`);
        entry.resume();
      }
    } catch (thrown) {
      const code = (thrown as NodeJS.ErrnoException).code;
      if (thrown instanceof Problem || code === 'ENOSPC' || code === 'EDQUOT') throw thrown;
      throw new Problem('LAYER_CORRUPT', `${file} cannot be read as a tar archive: ${(thrown as Error).message}`, {
        cause: thrown,
      });
    } finally {
      source.destroy();
      await fed;
    }
  });
  const path = (name: string) => paths.get(name) ?? paths.get(links.get(name) ?? '');
  return { has: (name) => path(name) !== undefined, path, forget: (name) => paths.delete(name) };
}

/** What is no entry (headers, what follows the end) counts too: a few bytes of gzip become any number of them. */
async function* atMost(chunks: AsyncIterable<Buffer>, mostBytes: number, file: string): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw new Problem('LAYER_TOO_LARGE', `${file} unpacks to more than ${mostBytes} bytes`);
    yield chunk;
  }
}

async function compressionOf(file: string): Promise<'gzip' | 'zstd' | 'none'> {
  const compression = await fileCompression(file);
  if (compression === 'bzip2' || compression === 'xz')
    throw new Problem('IMAGE_INVALID', `${file} is compressed by ${compression}; expected a tar, plain or by gzip or zstd`);
  return compression;
}
