import { type FileHandle, mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { JournalFile } from './journal-file.ts';

/** Opens the journal's file at `path`, made with its directory (0700) when it is not there. One process at a time. */
export async function openJournalFile(path: string): Promise<JournalFile> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  let handle = await open(path, 'a+', 0o600);
  await syncDirectory(dirname(path));
  return {
    readAll: () => readAll(handle),
    append: (data) => handle.appendFile(data),
    sync: () => handle.datasync(),
    truncate: (length) => handle.truncate(length),
    async replace(data) {
      const beside = `${path}.new`;
      const next = await open(beside, 'w', 0o600);
      try {
        await next.writeFile(data);
        await next.sync();
      } finally {
        await next.close();
      }
      await rename(beside, path);
      await syncDirectory(dirname(path));
      const replaced = handle;
      handle = await open(path, 'a+', 0o600);
      await replaced.close();
    },
    close: () => handle.close(),
  };
}

async function readAll(handle: FileHandle): Promise<Uint8Array> {
  const { size } = await handle.stat();
  const data = Buffer.alloc(size);
  let filled = 0;
  while (filled < size) {
    const { bytesRead } = await handle.read(data, filled, size - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return data.subarray(0, filled);
}

/** A new name is durable only when its directory is. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
