import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { Metadata, status } from '@grpc/grpc-js';
import { Problem, sha256Digest } from '@seal/foundation';
import { connect } from './connect.ts';
import { problemFromStatus } from './problem-from-status.ts';
import { ServerDouble } from './server-double.ts';
import { type UploadProgress, uploadBlobs } from './upload-blobs.ts';

const version = { version: '9.9.9', grpcAddress: '', httpsAddress: '', startedAtMs: 1, epoch: 2 };

test('a unary call gives the reply as a promise', async () => {
  await using double = await ServerDouble.start();
  double.answers.getVersion = () => version;
  const client = connect(double.target);
  assert.deepEqual(await client.server.getVersion({}), version);
  client.close();
});

test('a Problem of the server arrives whole: code, message, remedy and details', async () => {
  await using double = await ServerDouble.start();
  double.answers.getNode = () => {
    throw new Problem('NODE_NOT_FOUND', 'no node "x"', { remedy: 'Look again.', details: { node: 'x', tried: 2 } });
  };
  const client = connect(double.target);
  await assert.rejects(client.nodes.getNode({ node: 'x' }), (error: Problem) => {
    assert.deepEqual(error.toJSON(), {
      code: 'NODE_NOT_FOUND',
      message: 'no node "x"',
      remedy: 'Look again.',
      details: { node: 'x', tried: 2 },
    });
    return true;
  });
  client.close();
});

test('a call that the server does not know is SERVER_INCOMPATIBLE', async () => {
  await using double = await ServerDouble.start();
  const client = connect(double.target);
  await assert.rejects(client.server.getVersion({}), { code: 'SERVER_INCOMPATIBLE' });
  client.close();
});

test('a server that is not there is SERVER_UNREACHABLE, with its address and the cause', async () => {
  const client = connect({ kind: 'local', grpcSocket: '/nonexistent/server.sock', httpSocket: '/nonexistent/http.sock' });
  await assert.rejects(client.server.getVersion({}), (error: Problem) => {
    assert.equal(error.code, 'SERVER_UNREACHABLE');
    assert.equal(
      error.message,
      'cannot reach the server unix:///nonexistent/server.sock: connect ENOENT /nonexistent/server.sock',
    );
    return true;
  });
  client.close();
});

test('the HTTPS port instead of that of gRPC is told apart', async () => {
  const problem = problemFromStatus(
    { code: status.UNAVAILABLE, details: 'wrong version number', metadata: new Metadata() },
    'x:7444',
  );
  assert.match(problem.remedy, /^Port 7444 is the server's HTTPS.*HOST:7443\.$/);
});

const blob = (text: string) => ({
  digest: sha256Digest(text),
  sizeBytes: Buffer.byteLength(text),
  open: () => Readable.from([Buffer.from(text)]),
});

test('only blobs that the server lacks are sent, and the progress ends at the whole', async () => {
  await using double = await ServerDouble.start();
  const [had, lacked, other] = [blob('had'), blob('lacked'), blob('other')];
  double.answers.findMissingBlobs = () => ({ missing: [lacked.digest, other.digest] });
  const client = connect(double.target);
  const seen: UploadProgress[] = [];
  const result = await uploadBlobs(client, [had, lacked, other], { onProgress: (progress) => seen.push(progress) });
  client.close();
  assert.deepEqual(result, { sentBlobs: 2, sentBytes: 11 });
  assert.deepEqual([...double.blobs.keys()].sort(), [lacked.digest, other.digest].sort());
  assert.deepEqual(seen.at(0), { doneBytes: 3, totalBytes: 14, missingBytes: 11 });
  assert.deepEqual(seen.at(-1), { doneBytes: 14, totalBytes: 14, missingBytes: 11 });
});

test('a transfer that breaks is tried again; the progress does not count its bytes twice', async () => {
  await using double = await ServerDouble.start();
  const only = blob('x'.repeat(100_000));
  double.answers.findMissingBlobs = () => ({ missing: [only.digest] });
  double.breakNextPuts = 1;
  const client = connect(double.target);
  let last = 0;
  await uploadBlobs(client, [only], { onProgress: ({ doneBytes }) => (last = doneBytes) });
  client.close();
  assert.equal(double.blobs.get(only.digest)?.length, 100_000);
  assert.equal(last, 100_000);
});

test('a transfer that keeps breaking is BLOB_UPLOAD_FAILED, naming blob and server', async () => {
  await using double = await ServerDouble.start();
  const only = blob('x');
  double.answers.findMissingBlobs = () => ({ missing: [only.digest] });
  double.breakNextPuts = 9;
  const client = connect(double.target);
  await assert.rejects(uploadBlobs(client, [only], { attempts: 2 }), (error: Problem) => {
    assert.equal(error.code, 'BLOB_UPLOAD_FAILED');
    assert.ok(error.message.includes(only.digest) && error.message.includes('http.sock'), error.message);
    return true;
  });
  client.close();
});

test('a blob that the server refuses is not tried again, and its Problem is passed on', async () => {
  await using double = await ServerDouble.start();
  const wrong = { ...blob('x'), open: () => Readable.from([Buffer.from('y')]) };
  double.answers.findMissingBlobs = () => ({ missing: [wrong.digest] });
  const client = connect(double.target);
  await assert.rejects(uploadBlobs(client, [wrong]), { code: 'STORE_FAILED' });
  client.close();
});
