import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { Problem, systemClock } from '@seal/foundation';
import type { LayerRef } from '@seal/plan';
import { withAgentDirectory } from '../testing/local-runner.ts';
import type { BlobSource } from './blob-source.ts';
import { fetchBlob } from './fetch-blob.ts';
import { LayerStore } from './layer-store.ts';

const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 253));
const layer: LayerRef = {
  digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
  mediaType: 'x',
  sizeBytes: bytes.length,
};
const signal = new AbortController().signal;

/** A source that gives what `answer` says for each try. */
function sourceOf(answer: (offset: number, attempt: number) => Iterable<Uint8Array | Error>): BlobSource & { offsets: number[] } {
  const offsets: number[] = [];
  return {
    offsets,
    async open(_digest, offset) {
      offsets.push(offset);
      const chunks = answer(offset, offsets.length);
      const body = (async function* () {
        for (const chunk of chunks) {
          if (chunk instanceof Error) throw chunk;
          yield chunk;
        }
      })();
      return { offset, body };
    },
  };
}

function fetch(source: BlobSource, path: string, ref = layer): Promise<void> {
  return fetchBlob(ref, { source, path, signal, onProgress: () => undefined, retries: 3, retryDelayMs: 1 });
}

const failsWith = (code: string) => (problem: Problem) => problem.code === code;

test('a transfer that is cut at 99 % goes on from there', () =>
  withAgentDirectory(async (directory) => {
    const path = join(directory, 'blob');
    const cut = Math.floor(bytes.length * 0.99);
    const source = sourceOf((offset, attempt) =>
      attempt === 1 ? [bytes.subarray(0, cut), new Error('ECONNRESET')] : [bytes.subarray(offset)],
    );
    await fetch(source, path);
    assert.deepEqual(source.offsets, [0, cut]);
    assert.ok(readFileSync(path).equals(bytes));
    assert.ok(!existsSync(`${path}.partial`));
  }));

test('a transfer that ends too early without an error is not taken for whole', () =>
  withAgentDirectory(async (directory) => {
    const path = join(directory, 'blob');
    const source = sourceOf((offset) => [bytes.subarray(offset, offset + 100_000)]);
    await fetch(source, path);
    assert.deepEqual(source.offsets, [0, 100_000, 200_000]);
    assert.ok(readFileSync(path).equals(bytes));
  }));

test('what an earlier agent had fetched is verified and used; damaged, it is fetched anew', () =>
  withAgentDirectory(async (directory) => {
    const path = join(directory, 'blob');
    writeFileSync(`${path}.partial`, bytes.subarray(0, 200_000));
    const source = sourceOf((offset) => [bytes.subarray(offset)]);
    await fetch(source, path);
    assert.deepEqual(source.offsets, [200_000]);
    const other = join(directory, 'other');
    writeFileSync(`${other}.partial`, Buffer.alloc(200_000, 1));
    await fetch(source, other);
    assert.deepEqual(source.offsets, [200_000, 200_000, 0]);
    assert.ok(readFileSync(other).equals(bytes));
  }));

test('wrong bytes are thrown away; twice wrong is the end', () =>
  withAgentDirectory(async (directory) => {
    const path = join(directory, 'blob');
    const wrong = sourceOf(() => [Buffer.alloc(bytes.length, 7)]);
    await assert.rejects(fetch(wrong, path), failsWith('BLOB_DIGEST_MISMATCH'));
    assert.equal(wrong.offsets.length, 2);
    assert.ok(!existsSync(path) && !existsSync(`${path}.partial`));
    const once = sourceOf((_, attempt) => [attempt === 1 ? Buffer.alloc(bytes.length, 7) : bytes]);
    await fetch(once, path);
    assert.ok(readFileSync(path).equals(bytes));
  }));

test('more bytes than announced are refused before they fill the disk', () =>
  withAgentDirectory(async (directory) => {
    const path = join(directory, 'blob');
    let given = 0;
    const endless = sourceOf(function* () {
      for (;;) {
        given += bytes.length;
        yield bytes;
      }
    });
    await assert.rejects(fetch(endless, path), failsWith('BLOB_DIGEST_MISMATCH'));
    assert.equal(given, 4 * bytes.length);
  }));

test('an answer that will not change is not tried again, one that may is tried a bounded number of times', () =>
  withAgentDirectory(async (directory) => {
    let calls = 0;
    const failing = (final: boolean): BlobSource => ({
      async open() {
        calls += 1;
        throw new Problem('BLOB_FETCH_FAILED', 'the server answered', { details: { final } });
      },
    });
    await assert.rejects(fetch(failing(true), join(directory, 'a')), failsWith('BLOB_FETCH_FAILED'));
    assert.equal(calls, 1);
    await assert.rejects(fetch(failing(false), join(directory, 'b')), failsWith('BLOB_FETCH_FAILED'));
    assert.equal(calls, 1 + 4);
  }));

test('a layer that does not fit on the disk is refused before the first byte', () =>
  withAgentDirectory(async (directory) => {
    const source = sourceOf(() => [bytes]);
    await assert.rejects(fetch(source, join(directory, 'a'), { ...layer, sizeBytes: 2 ** 50 }), failsWith('NODE_DISK_FULL'));
    assert.deepEqual(source.offsets, []);
  }));

test('a layer that several operations want is fetched and unpacked once; one that gives up does not stop the other', () =>
  withAgentDirectory(async (directory) => {
    const gate = Promise.withResolvers<void>();
    const source = sourceOf(() => [bytes]);
    const slow: BlobSource = {
      async open(...args) {
        await gate.promise;
        return source.open(...args);
      },
    };
    let unpacked = 0;
    const unpackLayer = async (_: object, target: string) => {
      unpacked += 1;
      mkdirSync(target);
    };
    const store = new LayerStore({
      ...{ stateDirectory: directory, source: slow, unpackLayer, clock: systemClock },
      mounted: async () => [],
      keepUnusedMs: 0,
    });
    const leaver = new AbortController();
    const wanted = [leaver.signal, signal, signal].map((one) => store.ensure(layer, one, () => undefined));
    leaver.abort(new Error('cancelled'));
    gate.resolve();
    const results = await Promise.allSettled(wanted);
    assert.deepEqual(
      results.map(({ status }) => status),
      ['rejected', 'fulfilled', 'fulfilled'],
    );
    assert.equal(await store.ensure(layer, signal, () => undefined), 'there');
    assert.deepEqual([source.offsets.length, unpacked], [1, 1]);
    assert.ok(!existsSync(join(directory, 'blobs', layer.digest.replace(':', '-'))), 'the blob is not kept beside its layer');
  }));

/** The same through a socket: a server that ignores Range and cuts its first answer. */
test('a server that ignores Range is read from the start again', () =>
  withAgentDirectory(async (directory) => {
    let requests = 0;
    const server = createServer((_request: IncomingMessage, response: ServerResponse) => {
      requests += 1;
      response.writeHead(200, { 'content-length': bytes.length });
      if (requests === 1) response.write(bytes.subarray(0, 1000), () => response.destroy());
      else response.end(bytes);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const { get } = await import('node:http');
    const source: BlobSource = {
      open: (_digest, offset) =>
        new Promise((resolve, reject) => {
          get({ host: '127.0.0.1', port, headers: { range: `bytes=${offset}-` } }, (body) => resolve({ offset: 0, body })).on(
            'error',
            reject,
          );
        }),
    };
    try {
      await fetch(source, join(directory, 'blob'));
      assert.equal(requests, 2);
      assert.ok(readFileSync(join(directory, 'blob')).equals(bytes));
    } finally {
      server.close();
      server.closeAllConnections();
    }
  }));
