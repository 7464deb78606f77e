import { open } from 'node:fs/promises';
import { PassThrough, pipeline, type Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import type { Compression } from './media-types.ts';

/** The bytes of `source` decompressed. An error of the source or of the decompressor destroys the result with that error. */
export function decompress(source: Readable, compression: Compression): Readable {
  if (compression === 'none') return source;
  const chunkSize = 256 * 1024;
  const transform = compression === 'gzip' ? createGunzip({ chunkSize }) : createZstdDecompress({ chunkSize });
  return pipeline(source, transform, new PassThrough({ highWaterMark: chunkSize }), () => {
    // Errors reach the reader of the result: pipeline destroys it with them.
  });
}

/** Tells by its first bytes how a file is compressed; `none` also for what is no tar at all. */
export async function fileCompression(path: string): Promise<Compression | 'bzip2' | 'xz'> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(8), 0, 8, 0);
    return sniffCompression(buffer.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}

function sniffCompression(head: Uint8Array): Compression | 'bzip2' | 'xz' {
  const starts = (...bytes: number[]) => bytes.every((byte, index) => head[index] === byte);
  if (starts(0x1f, 0x8b)) return 'gzip';
  if (starts(0x28, 0xb5, 0x2f, 0xfd)) return 'zstd';
  if (starts(0x42, 0x5a, 0x68)) return 'bzip2';
  if (starts(0xfd, 0x37, 0x7a, 0x58, 0x5a)) return 'xz';
  return 'none';
}
