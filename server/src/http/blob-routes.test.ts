import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Problem, sha256Digest } from '@seal/foundation';
import type { Caller } from '../identity/caller.ts';
import { answerBlob, blobOf } from './blob-routes.ts';
import { sendProblem } from './send-problem.ts';

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface Endpoint {
  readonly folder: string;
  put(data: Uint8Array): string;
  ask(method: string, digest: string, headers?: OutgoingHttpHeaders, body?: Uint8Array): Promise<Answer>;
}

const agentOf = (nodeId: string): Caller => ({ kind: 'agent', name: 'h1', role: 'agent', nodeId, serial: '1' });
const operator = (role: 'admin' | 'operator' | 'reader'): Caller => ({ kind: 'operator', name: 'ann', role, serial: '1' });

async function withBlobs(caller: Caller, allowed: readonly string[], work: (endpoint: Endpoint) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'seal-blobs-'));
  const path = (digest: string) => join(folder, digest);
  const blobs = {
    path,
    temporaryFolder: join(folder, 'tmp'),
    has: async (digest: string) => existsSync(path(digest)),
    adopt: async (digest: string, file: string) => renameSync(file, path(digest)),
  };
  const options = { blobs, blobBytesMax: 1 << 20, mayFetch: (_node: string, digest: string) => allowed.includes(digest) };
  const server = createServer((request, response) => {
    const digest = blobOf(request.url ?? '');
    const answer = digest === undefined ? Promise.reject(new Problem('ROUTE_NOT_FOUND', 'none')) : undefined;
    (answer ?? answerBlob(options, digest!, caller, request, response)).catch((error) =>
      sendProblem(response, Problem.from(error)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    await work({
      folder,
      put(data) {
        const digest = sha256Digest(data);
        writeFileSync(path(digest), data);
        return digest;
      },
      ask: (method, digest, headers = {}, body) => ask(port, method, `/v1/blobs/${digest}`, headers, body),
    });
  } finally {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  }
}

function ask(port: number, method: string, path: string, headers: OutgoingHttpHeaders, body?: Uint8Array): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ port, host: '127.0.0.1', method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      );
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

const codeOf = (answer: Answer) => (JSON.parse(answer.body.toString()) as { code: string }).code;
const data = Buffer.from(Array.from({ length: 700_000 }, (_, n) => n % 251));

describe('blobs', () => {
  it('are served whole, or the part that was asked for, so that a download goes on where it was cut', () =>
    withBlobs(operator('reader'), [], async ({ put, ask }) => {
      const digest = put(data);
      const whole = await ask('GET', digest);
      assert.deepEqual([whole.status, whole.headers.etag, whole.headers['accept-ranges']], [200, `"${digest}"`, 'bytes']);
      assert.ok(whole.body.equals(data));
      const rest = await ask('GET', digest, { range: 'bytes=500000-' });
      assert.deepEqual([rest.status, rest.headers['content-range']], [206, 'bytes 500000-699999/700000']);
      assert.ok(rest.body.equals(data.subarray(500_000)));
      const head = await ask('HEAD', digest);
      assert.deepEqual([head.status, head.headers['content-length'], head.body.length], [200, '700000', 0]);
      const beyond = await ask('GET', digest, { range: 'bytes=700000-' });
      assert.deepEqual([beyond.status, beyond.headers['content-range']], [416, 'bytes */700000']);
    }));

  it('are served in part only to who has the same bytes, and not again to who has them all', () =>
    withBlobs(operator('admin'), [], async ({ put, ask }) => {
      const digest = put(data);
      const same = await ask('GET', digest, { range: 'bytes=1-2', 'if-range': `"${digest}"` });
      assert.equal(same.status, 206);
      const other = await ask('GET', digest, { range: 'bytes=1-2', 'if-range': '"sha256:other"' });
      assert.deepEqual([other.status, other.body.length], [200, data.length]);
      assert.equal((await ask('GET', digest, { 'if-none-match': `"${digest}"` })).status, 304);
    }));

  it('are served when they are empty, too', () =>
    withBlobs(operator('admin'), [], async ({ put, ask }) => {
      const answer = await ask('GET', put(Buffer.alloc(0)));
      assert.deepEqual([answer.status, answer.headers['content-length']], [200, '0']);
    }));

  it('are given to an agent only where its operations name them', () => {
    const named = sha256Digest(data);
    return withBlobs(agentOf('node-a'), [named], async ({ put, ask }) => {
      put(data);
      const unnamed = put(Buffer.from('of another cluster'));
      assert.equal((await ask('GET', named)).status, 200);
      const refused = await ask('GET', unnamed);
      assert.deepEqual([refused.status, codeOf(refused)], [403, 'PERMISSION_DENIED']);
      const sent = await ask('PUT', named, {}, data);
      assert.deepEqual([sent.status, codeOf(sent)], [403, 'PERMISSION_DENIED']);
    });
  });

  it('that are not there are a clear error', () =>
    withBlobs(operator('admin'), [], async ({ ask }) => {
      const answer = await ask('GET', sha256Digest('nothing'));
      assert.deepEqual([answer.status, codeOf(answer)], [404, 'BLOB_NOT_FOUND']);
      for (const bad of ['sha256:..', 'sha256:../../../etc/passwd', `sha256:${'A'.repeat(64)}`, `md5:${'a'.repeat(64)}`])
        assert.equal((await ask('GET', bad)).status, 404);
    }));

  it('are taken in when they have the digest that was announced', () =>
    withBlobs(operator('operator'), [], async ({ folder, ask }) => {
      const digest = sha256Digest(data);
      assert.equal((await ask('PUT', digest, {}, data)).status, 201);
      assert.ok(readFileSync(join(folder, digest)).equals(data));
      assert.equal((await ask('PUT', digest, {}, data)).status, 200);
      assert.deepEqual(readdirSync(join(folder, 'tmp')), []);
    }));

  it('with another digest, too many bytes, or from a reader are refused and leave nothing', () =>
    withBlobs(operator('operator'), [], async ({ folder, ask }) => {
      const wrong = await ask('PUT', sha256Digest('something else'), {}, data);
      assert.deepEqual([wrong.status, codeOf(wrong)], [422, 'BLOB_DIGEST_MISMATCH']);
      const large = Buffer.alloc((1 << 20) + 1);
      const answer = await ask('PUT', sha256Digest(large), {}, large);
      assert.deepEqual([answer.status, codeOf(answer)], [400, 'REQUEST_INVALID']);
      assert.deepEqual(readdirSync(folder), ['tmp']);
      assert.deepEqual(readdirSync(join(folder, 'tmp')), []);
      await withBlobs(operator('reader'), [], async (other) => {
        assert.equal((await other.ask('PUT', sha256Digest(data), {}, data)).status, 403);
      });
    }));
});
