import { open, rm, stat, truncate } from 'node:fs/promises';
import { Problem } from '@seal/foundation';
import { withDiskFull } from '../store/durable-file.ts';
import type { RegistryConnection } from './registry-connection.ts';
import { unreachableProblem } from './registry-problem.ts';
import { isTransient, throwIfAborted, waitBeforeRetry } from './retry-policy.ts';

/** A registry that cuts every connection after a little is given up after so many. */
const maximumConnections = 200;

/**
 * Brings a blob into a file, which may hold its beginning already; goes on where a cut connection stopped. The digest is for the caller
 * to verify; more bytes than `size` are refused at once with BLOB_DIGEST_MISMATCH, and nothing is kept then.
 */
export async function downloadBlob(
  connection: RegistryConnection,
  repository: string,
  { digest, size }: { readonly digest: string; readonly size: number },
  file: string,
  onBytes: (count: number) => void,
): Promise<void> {
  let failures = 0;
  for (let connections = 1; ; connections += 1) {
    const before = await partSize(file, size);
    onBytes(0);
    if (before === size) return;
    try {
      await fetchRest(connection, repository, digest, size, before, file, onBytes);
      if ((await partSize(file, size)) === size) return;
      throw Object.assign(new Error(`the blob ended before its ${size} bytes`), { code: 'ECONNRESET' });
    } catch (thrown) {
      throwIfAborted(connection.options.signal);
      if (thrown instanceof Problem || !isTransient(thrown)) throw thrown;
      failures = (await partSize(file, size)) > before ? 1 : failures + 1;
      if (failures >= (connection.options.tries ?? 5) || connections >= maximumConnections)
        throw unreachableProblem(connection.endpoint, thrown, connections);
      await waitBeforeRetry(failures, connection.options);
    }
  }
}

async function fetchRest(
  connection: RegistryConnection,
  repository: string,
  digest: string,
  size: number,
  start: number,
  path: string,
  onBytes: (count: number) => void,
): Promise<void> {
  const reply = await connection.request({
    method: 'GET',
    target: `/v2/${repository}/blobs/${digest}`,
    headers: { 'accept-encoding': 'identity', ...(start > 0 ? { range: `bytes=${start}-` } : {}) },
    scope: `repository:${repository}:pull`,
    accept: [404, 416],
  });
  if (reply.status === 404) {
    reply.body.destroy();
    throw new Problem(
      'REGISTRY_PROTOCOL',
      `the registry ${connection.endpoint.name} lacks the blob ${digest} of its image ${repository}`,
    );
  }
  const from = reply.status === 206 ? rangeStart(reply.headers['content-range']) : 0;
  if (reply.status === 416 || (from !== 0 && from !== start)) {
    reply.body.destroy();
    await truncate(path, 0);
    throw Object.assign(new Error('the registry does not give the range that was asked for'), { code: 'ECONNRESET' });
  }
  await withDiskFull(path, async () => {
    const file = await open(path, from === 0 ? 'w' : 'a', 0o600);
    let at = from;
    try {
      if (from === 0 && start > 0) onBytes(-start);
      for await (const chunk of reply.body) {
        const bytes = chunk as Buffer;
        if (at + bytes.length > size) {
          await rm(path, { force: true });
          throw new Problem(
            'BLOB_DIGEST_MISMATCH',
            `the registry ${connection.endpoint.name} sends more than the ${size} bytes of blob ${digest}`,
          );
        }
        await file.appendFile(bytes);
        at += bytes.length;
        onBytes(bytes.length);
      }
    } finally {
      await file.close();
      reply.body.destroy();
    }
  });
}

function rangeStart(header: string | undefined): number {
  const match = /^bytes (\d+)-\d+\/(?:\d+|\*)$/.exec(header ?? '');
  return match ? Number(match[1]) : -1;
}

/** Bytes that are there; a file that is longer than the blob is no beginning of it. */
async function partSize(file: string, size: number): Promise<number> {
  const found = await stat(file).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return undefined;
    throw thrown;
  });
  if (!found) return 0;
  if (found.size <= size) return found.size;
  await truncate(file, 0);
  return 0;
}
