import { randomBytes, randomFillSync } from 'node:crypto';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';

export interface TreeShape {
  readonly files: number;
  readonly bytes: number;
}

/** Bytes of words from which the text of all files is cut. */
const textBytes = 8 * 1024 * 1024;

/**
 * Fills `directory` with `files` files of equal size in folders of a hundred, half of them random bytes, as compressed images are, half of them
 * words of which some are frequent, which gzip makes about three times smaller, as it does programs. Other bytes with each call.
 */
export async function makeTree(directory: string, { files, bytes }: TreeShape): Promise<void> {
  const size = Math.floor(bytes / files);
  const text = makeText();
  const noise = Buffer.allocUnsafe(size);
  for (let index = 0; index < files; index += 1) {
    const folder = join(directory, `folder-${String(Math.floor(index / 100)).padStart(4, '0')}`);
    if (index % 100 === 0) await mkdir(folder, { recursive: true });
    const file = await open(join(folder, `file-${String(index).padStart(6, '0')}`), 'wx', index % 7 === 0 ? 0o755 : 0o644);
    if (index % 2 === 0) await file.writeFile(randomFillSync(noise));
    else await writeText(file, text, size);
    await file.close();
  }
}

function makeText(): Buffer {
  const words = Array.from({ length: 2000 }, (_, index) => randomBytes(2 + (index % 5)).toString('base64url'));
  const text = Buffer.alloc(textBytes, ' ');
  for (let at = 0; at < textBytes - 16; ) at += 1 + text.write(words[Math.floor(2000 * Math.random() ** 4)]!, at, 'latin1');
  return text;
}

async function writeText(file: Awaited<ReturnType<typeof open>>, text: Buffer, size: number): Promise<void> {
  let left = size;
  while (left > 0) {
    const at = Math.floor(Math.random() * (text.length / 2));
    const part = text.subarray(at, at + Math.min(left, text.length / 2));
    await file.write(part);
    left -= part.length;
  }
}
