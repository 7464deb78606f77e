import type { IncomingMessage, ServerResponse } from 'node:http';
import { Problem } from '@seal/foundation';
import type { Caller } from '../identity/caller.ts';
import type { BlobFiles } from './blob-files.ts';
import { receiveBlob } from './receive-blob.ts';
import { sendFile } from './send-file.ts';

export interface BlobRoutesOptions {
  readonly blobs: BlobFiles;
  /** Whether an operation of that node names this blob. */
  readonly mayFetch: (nodeId: string, digest: string) => boolean;
  /** Default 32 GiB. */
  readonly blobBytesMax?: number;
}

const path = /^\/v1\/blobs\/(sha256:[0-9a-f]{64})$/;

/** The digest in a blob's path; undefined when the path is no blob's. */
export function blobOf(pathname: string): string | undefined {
  return path.exec(pathname)?.[1];
}

/**
 * GET and HEAD for operators, readers, and for agents the blobs that their operations name; PUT for admins and operators.
 * Problems: BLOB_NOT_FOUND, PERMISSION_DENIED and those of `receiveBlob`.
 */
export async function answerBlob(
  options: BlobRoutesOptions,
  digest: string,
  caller: Caller,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method === 'PUT') return put(options, digest, caller, request, response);
  if (caller.role === 'agent' && !options.mayFetch(caller.nodeId!, digest))
    throw new Problem('PERMISSION_DENIED', `no operation of node ${caller.name} names the blob ${digest}`);
  const missing = () => new Problem('BLOB_NOT_FOUND', `the server has no blob ${digest}`);
  if (!(await options.blobs.has(digest))) throw missing();
  const file = { path: options.blobs.path(digest), etag: `"${digest}"`, contentType: 'application/octet-stream' };
  try {
    await sendFile(request, response, file);
  } catch (error) {
    throw error instanceof Error && 'code' in error && error.code === 'ENOENT' ? missing() : error;
  }
}

async function put(
  options: BlobRoutesOptions,
  digest: string,
  caller: Caller,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (caller.role !== 'admin' && caller.role !== 'operator')
    throw new Problem(
      'PERMISSION_DENIED',
      `${caller.name} has the role "${caller.role}", but blobs are sent by admins and operators`,
    );
  if (await options.blobs.has(digest)) {
    // Read to its end, so that a sender that did not ask first sees the answer and not a broken pipe.
    request.resume();
    return void response.writeHead(200, { 'content-length': 0 }).end();
  }
  await receiveBlob(request, digest, options.blobs, options.blobBytesMax ?? 32 * 2 ** 30);
  response.writeHead(201, { 'content-length': 0 }).end();
}
