import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { parseRange } from './parse-range.ts';

const highWaterMark = 256 * 1024;

/**
 * Answers GET and HEAD with a file: Range, If-Range and If-None-Match by a strong `etag`, 256 KiB at a time and no faster than the other
 * side reads. Rejects with ENOENT before anything is sent when there is no file; cuts the connection when the file ends early.
 */
export async function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  file: { readonly path: string; readonly etag: string; readonly contentType: string },
): Promise<void> {
  const { size } = await stat(file.path);
  const headers = { etag: file.etag, 'accept-ranges': 'bytes', 'content-type': file.contentType };
  if (request.headers['if-none-match'] === file.etag) return void response.writeHead(304, headers).end();
  const ifRange = request.headers['if-range'];
  const range = ifRange === undefined || ifRange === file.etag ? parseRange(request.headers.range, size) : 'whole';
  if (range === 'unsatisfiable')
    return void response.writeHead(416, { ...headers, 'content-range': `bytes */${size}`, 'content-length': 0 }).end();
  const { start, end } = range === 'whole' ? { start: 0, end: size - 1 } : range;
  response.writeHead(range === 'whole' ? 200 : 206, {
    ...headers,
    'content-length': end - start + 1,
    ...(range === 'whole' ? {} : { 'content-range': `bytes ${start}-${end}/${size}` }),
  });
  if (request.method === 'HEAD' || size === 0) return void response.end();
  await pipeline(createReadStream(file.path, { start, end, highWaterMark }), response);
}
