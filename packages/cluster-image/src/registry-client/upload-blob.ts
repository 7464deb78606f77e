import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { Problem } from '@seal/foundation';
import type { HttpReply } from './http-send.ts';
import type { RegistryConnection } from './registry-connection.ts';
import { answerProblem, unreachableProblem } from './registry-problem.ts';
import { isTransient, throwIfAborted, waitBeforeRetry } from './retry-policy.ts';
import { uploadUrl } from './upload-url.ts';

/** What is to be in the registry. */
export interface UploadedBlob {
  readonly digest: string;
  readonly size: number;
  readonly file: string;
}

export interface UploadOptions {
  /** Repositories of the same registry that have the blob, as far as is known here. */
  readonly mountFrom: readonly string[];
  /** Default 16 MiB. */
  readonly chunkBytes?: number;
  readonly onBytes: (count: number) => void;
}

/** How a blob came to be in the registry. */
export type UploadResult = 'there' | 'mounted' | 'sent';

const defaultChunkBytes = 16 * 1024 * 1024;
/** The registry takes no chunks: everything goes in one request. */
const unsupported = [404, 405, 415, 501];

/**
 * Sees to it that a repository has a blob: nothing is sent where it has, or can take it from another repository; else it goes up in
 * chunks, and after a cut goes on from where the registry says it is. Throws what the connection throws and BLOB_DIGEST_MISMATCH.
 */
export async function uploadBlob(
  connection: RegistryConnection,
  repository: string,
  blob: UploadedBlob,
  options: UploadOptions,
): Promise<UploadResult> {
  const upload: Upload = { connection, repository, blob, scope: `repository:${repository}:pull,push`, options, sent: 0 };
  if (await isThere(upload)) return 'there';
  for (const from of options.mountFrom.filter((candidate) => candidate !== repository).slice(0, 3)) {
    const location = await begin(upload, from);
    if (location === 'mounted') return 'mounted';
    // The registry began an upload instead; it is left to it to forget that.
  }
  let failures = 0;
  for (;;) {
    const before = upload.sent;
    try {
      await sendAll(upload);
      return 'sent';
    } catch (thrown) {
      throwIfAborted(connection.options.signal);
      if (thrown instanceof Problem || !isTransient(thrown)) throw thrown;
      failures = upload.sent > before ? 1 : failures + 1;
      if (failures >= (connection.options.tries ?? 5)) throw unreachableProblem(connection.endpoint, thrown, failures);
      await waitBeforeRetry(failures, connection.options);
      await findPlace(upload);
    }
  }
}

interface Upload {
  readonly connection: RegistryConnection;
  readonly repository: string;
  readonly blob: UploadedBlob;
  readonly scope: string;
  readonly options: UploadOptions;
  /** Where the registry wants the next bytes; undefined before the upload began. */
  location?: URL | undefined;
  /** Bytes that the registry has of this upload. */
  sent: number;
  isMonolithic?: boolean;
}

async function isThere({ connection, repository, blob, scope }: Upload): Promise<boolean> {
  const target = `/v2/${repository}/blobs/${blob.digest}`;
  const reply = await connection.request({ method: 'HEAD', target, scope, accept: [404] });
  reply.body.resume();
  return reply.status === 200;
}

async function begin(upload: Upload, mountFrom?: string): Promise<URL | 'mounted'> {
  const { connection, repository, blob, scope } = upload;
  const query = mountFrom === undefined ? '' : `?${new URLSearchParams({ mount: blob.digest, from: mountFrom })}`;
  const reply = await connection.request({
    method: 'POST',
    target: `/v2/${repository}/blobs/uploads/${query}`,
    headers: { 'content-length': '0' },
    scope: mountFrom === undefined ? scope : `${scope} repository:${mountFrom}:pull`,
  });
  reply.body.resume();
  if (mountFrom !== undefined && reply.status === 201) return 'mounted';
  return uploadUrl(connection, reply.headers.location);
}

async function sendAll(upload: Upload): Promise<void> {
  const { blob, options, connection } = upload;
  if (!upload.location) {
    moveTo(upload, 0);
    upload.location = (await begin(upload)) as URL;
  }
  if (upload.isMonolithic) return finish(upload, 0);
  while (upload.sent < blob.size) {
    const end = Math.min(upload.sent + (options.chunkBytes ?? defaultChunkBytes), blob.size) - 1;
    const reply = await sendRange(upload, 'PATCH', upload.location, upload.sent, end);
    if (upload.sent === 0 && unsupported.includes(reply.status)) {
      reply.body.resume();
      upload.isMonolithic = true;
      upload.location = (await begin(upload)) as URL;
      return finish(upload, 0);
    }
    await expectStatus(upload, 'PATCH', reply, [202, 204, 201]);
    upload.location = uploadUrl(connection, reply.headers.location);
    const before = upload.sent;
    moveTo(upload, end === 0 ? 1 : (receivedBytes(reply) ?? end + 1));
    if (upload.sent <= before)
      throw Object.assign(new Error('the registry keeps nothing of what is sent'), { code: 'ECONNRESET' });
  }
  await finish(upload, blob.size);
}

/** The last request, with whatever was not sent yet. */
async function finish(upload: Upload, from: number): Promise<void> {
  const { blob, connection } = upload;
  const url = new URL(upload.location!);
  url.searchParams.set('digest', blob.digest);
  const reply = await sendRange(upload, 'PUT', url, from, blob.size - 1);
  await expectStatus(upload, 'PUT', reply, [201, 204]);
  const stored = reply.headers['docker-content-digest'];
  if (typeof stored === 'string' && stored !== blob.digest)
    throw new Problem('BLOB_DIGEST_MISMATCH', `the registry ${connection.endpoint.name} stored ${blob.digest} as ${stored}`);
  if (upload.isMonolithic) moveTo(upload, blob.size);
}

function sendRange(upload: Upload, method: 'PATCH' | 'PUT', target: URL, from: number, end: number): Promise<HttpReply> {
  const { connection, blob, scope } = upload;
  const length = end - from + 1;
  return connection.request({
    method,
    target,
    headers: {
      'content-type': 'application/octet-stream',
      'content-length': String(length),
      ...(method === 'PATCH' ? { 'content-range': `${from}-${end}` } : {}),
    },
    body: () => (length === 0 ? Readable.from([]) : createReadStream(blob.file, { start: from, end, highWaterMark: 256 * 1024 })),
    scope,
    // After a cut nobody knows how much arrived: the registry is asked before anything is sent again.
    passTransient: true,
    accept: [400, 404, 405, 415, 416, 501],
  });
}

/** 416 and a lost upload lead back to asking for the place; everything else that is not expected is a Problem. */
async function expectStatus(
  upload: Upload,
  method: 'PATCH' | 'PUT',
  reply: HttpReply,
  expected: readonly number[],
): Promise<void> {
  if (expected.includes(reply.status)) return void reply.body.resume();
  const { connection, repository, scope } = upload;
  const asked = { endpoint: connection.endpoint, repository, tried: connection.tried };
  const problem = await answerProblem(asked, { method, target: upload.location!, scope }, reply);
  if (reply.status !== 416 && reply.status !== 404) throw problem;
  throw Object.assign(new Error(problem.message), { code: 'ECONNRESET' });
}

/** Asks the registry how much of the upload it has; where it has lost it, a new one begins. */
async function findPlace(upload: Upload): Promise<void> {
  const { connection, scope, location } = upload;
  if (!location || upload.isMonolithic) return restart(upload);
  const reply = await connection.request({ method: 'GET', target: location, scope, accept: [400, 404, 405, 416] });
  reply.body.resume();
  const has = receivedBytes(reply);
  if (reply.status !== 204 && reply.status !== 202 && reply.status !== 200) return restart(upload);
  if (has === undefined || has > upload.blob.size) return restart(upload);
  if (reply.headers.location !== undefined) upload.location = uploadUrl(connection, reply.headers.location);
  moveTo(upload, has);
}

function restart(upload: Upload): void {
  upload.location = undefined;
  moveTo(upload, 0);
}

function moveTo(upload: Upload, sent: number): void {
  if (sent > upload.blob.size)
    throw new Problem(
      'REGISTRY_PROTOCOL',
      `the registry ${upload.connection.endpoint.name} says it has ${sent} of ${upload.blob.size} bytes of ${upload.blob.digest}`,
    );
  upload.options.onBytes(sent - upload.sent);
  upload.sent = sent;
}

/** Of `Range: 0-99`: 100. "0-0" is what Docker's registry says of an empty upload, too; one byte sent twice is refused by its digest. */
function receivedBytes(reply: HttpReply): number | undefined {
  const match = /^(?:bytes=)?0-(\d+)$/.exec(reply.headers.range ?? '');
  if (!match) return undefined;
  const last = Number(match[1]);
  return last === 0 ? 0 : last + 1;
}
