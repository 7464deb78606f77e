import { type FileHandle, mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Problem } from '@seal/foundation';
import { runTool } from '../host/run-tool.ts';
import type { JournalFile } from './journal-file.ts';

/** Reserving is quick; a disk that hangs must not keep the journal waiting for ever. */
const reserveMs = 30_000;

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
    reserve: (size) => reserve(path, size),
    async replace(data, size) {
      const beside = `${path}.new`;
      const next = await open(beside, 'w', 0o600);
      try {
        await next.writeFile(data);
        await reserve(beside, size);
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

/** Node has no call for this. Blocks behind the end of the file, so that what was written still ends where the file does. */
async function reserve(path: string, size: number): Promise<void> {
  const argv = ['fallocate', '--keep-size', '--offset', '0', '--length', String(size), path];
  try {
    const { exitCode, stderr } = await runTool({ argv, env: { LC_ALL: 'C' }, signal: AbortSignal.timeout(reserveMs) });
    if (exitCode === 0 || /not supported/i.test(stderr)) return;
    throw new Problem('JOURNAL_FAILED', `there is no room to journal how another step ends: ${stderr.trim()}`);
  } catch (error) {
    // A host without util-linux promises nothing, like a file system that cannot.
    if (!(error instanceof Problem && error.code === 'COMMAND_NOT_FOUND')) throw error;
  }
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
