import { createReadStream } from 'node:fs';
import { decompress } from '../store/decompress.ts';
import type { Compression } from '../store/media-types.ts';

const blockBytes = 512;
const checksumAt = 148;
const checksumBytes = 8;

/** Whether a file is a tar archive: its first block has a header's checksum. Other files that are compressed are not. */
export async function isTar(path: string, compression: Compression): Promise<boolean> {
  const block = await firstBlock(path, compression);
  if (block === undefined) return false;
  const written = Number.parseInt(
    block
      .subarray(checksumAt, checksumAt + checksumBytes)
      .toString('latin1')
      .replace(/[\0 ]+$/, ''),
    8,
  );
  let sum = checksumBytes * 0x20;
  for (const [index, byte] of block.entries()) if (index < checksumAt || index >= checksumAt + checksumBytes) sum += byte;
  return written === sum;
}

async function firstBlock(path: string, compression: Compression): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of decompress(createReadStream(path), compression)) {
      chunks.push(chunk as Buffer);
      bytes += (chunk as Buffer).length;
      if (bytes >= blockBytes) break;
    }
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code ?? '';
    // What looks compressed and is not is no archive; it is copied as it is.
    if (code.startsWith('Z_') || code.startsWith('ZSTD_') || code.startsWith('ERR_')) return undefined;
    throw thrown;
  }
  return bytes >= blockBytes ? Buffer.concat(chunks).subarray(0, blockBytes) : undefined;
}
