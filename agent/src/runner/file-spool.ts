import { appendFile, type FileHandle, mkdir, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Problem } from '@seal/foundation';
import { runTool } from '../host/run-tool.ts';
import type { DroppedRange, OutputStream, SpoolPort } from './spool-port.ts';
import { parseStepKey, type StepKey, stepKeyText } from './step-key.ts';

/** Punching a hole is quick; a disk that hangs must not keep the outbox waiting for ever. */
const punchMs = 30_000;

/** Where a step's files are: one directory for each attempt below `root`. */
export function spoolFiles(
  root: string,
  key: StepKey,
): { directory: string; exit: string; stream(stream: OutputStream): string } {
  const directory = join(root, stepKeyText(key));
  return { directory, exit: join(directory, 'exit'), stream: (stream) => join(directory, stream === 1 ? 'stdout' : 'stderr') };
}

/**
 * A spool of plain files below `root` (0700): processes append to them by themselves. Dropped ranges become holes (fallocate), so that
 * offsets stay; on a file system without holes nothing is given back and `drop` is a Problem (SPOOL_FAILED).
 */
export class FileSpool implements SpoolPort {
  readonly #root: string;
  readonly #dropped = new Map<string, DroppedRange | undefined>();

  constructor(root: string) {
    this.#root = root;
  }

  async create(key: StepKey): Promise<void> {
    const files = spoolFiles(this.#root, key);
    try {
      await mkdir(files.directory, { recursive: true, mode: 0o700 });
      for (const stream of [1, 2] as const) await writeFile(files.stream(stream), '', { flag: 'a', mode: 0o600 });
    } catch (error) {
      throw new Problem('SPOOL_FAILED', `cannot make room for the output of a step: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  append(key: StepKey, stream: OutputStream, data: Uint8Array): Promise<void> {
    return appendFile(spoolFiles(this.#root, key).stream(stream), data);
  }

  async size(key: StepKey, stream: OutputStream): Promise<number> {
    const found = await absentIsUndefined(stat(spoolFiles(this.#root, key).stream(stream)));
    return found?.size ?? 0;
  }

  async read(key: StepKey, stream: OutputStream, offset: number, maxBytes: number): Promise<Uint8Array> {
    const dropped = await this.dropped(key, stream);
    const wanted = dropped && offset < dropped.from ? Math.min(maxBytes, dropped.from - offset) : maxBytes;
    const handle = await absentIsUndefined(open(spoolFiles(this.#root, key).stream(stream), 'r'));
    if (!handle) return new Uint8Array();
    try {
      return await readAt(handle, offset, wanted);
    } finally {
      await handle.close();
    }
  }

  async drop(key: StepKey, stream: OutputStream, range: DroppedRange): Promise<void> {
    const path = spoolFiles(this.#root, key).stream(stream);
    const earlier = await this.dropped(key, stream);
    const from = Math.min(earlier?.from ?? range.from, range.from);
    // The note comes first: a hole that nobody knows of would be read as zero bytes.
    await writeFile(`${path}.dropped`, `${from} ${range.to}\n`, { mode: 0o600 });
    this.#dropped.set(`${path}.dropped`, { from, to: range.to });
    const argv = ['fallocate', '--punch-hole', '--offset', String(from), '--length', String(range.to - from), path];
    const { exitCode, stderr } = await runTool({ argv, signal: AbortSignal.timeout(punchMs) });
    if (exitCode !== 0)
      throw new Problem('SPOOL_FAILED', `cannot give back the disk space of old output in ${path}: ${stderr.trim()}`);
  }

  async dropped(key: StepKey, stream: OutputStream): Promise<DroppedRange | undefined> {
    const path = `${spoolFiles(this.#root, key).stream(stream)}.dropped`;
    if (!this.#dropped.has(path)) {
      const match = /^(\d+) (\d+)\n$/.exec((await absentIsUndefined(readFile(path, 'utf8'))) ?? '');
      this.#dropped.set(path, match ? { from: Number(match[1]), to: Number(match[2]) } : undefined);
    }
    return this.#dropped.get(path);
  }

  async remove(key: StepKey): Promise<void> {
    const files = spoolFiles(this.#root, key);
    await rm(files.directory, { recursive: true, force: true });
    for (const stream of [1, 2] as const) this.#dropped.delete(`${files.stream(stream)}.dropped`);
  }

  async list(): Promise<StepKey[]> {
    const names = (await absentIsUndefined(readdir(this.#root))) ?? [];
    return names.map(parseStepKey).filter((key) => key !== undefined);
  }
}

async function readAt(handle: FileHandle, offset: number, bytes: number): Promise<Uint8Array> {
  const data = Buffer.allocUnsafe(bytes);
  const { bytesRead } = await handle.read(data, 0, bytes, offset);
  return data.subarray(0, bytesRead);
}

async function absentIsUndefined<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Problem('SPOOL_FAILED', `the output of steps cannot be read: ${(error as Error).message}`, { cause: error });
  }
}
