import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Problem } from '@seal/foundation';
import { planToWire } from '@seal/protocol';
import { ServerDouble } from '@seal/protocol/server-double';
import { smallPlan } from '@seal/protocol/small-plan';
import { capturedRun } from '../captured-run.ts';

const root = await mkdtemp(join(tmpdir(), 'sealctl-images-'));
const double = await ServerDouble.start();
after(async () => {
  await double[Symbol.asyncDispose]();
  await rm(root, { recursive: true });
});

const store = join(root, 'store');
const context = join(root, 'context');
const run = (line: string) => capturedRun([...line.split(' '), '--server', `unix:${double.socket}`], { home: root });
const json = async (line: string) => JSON.parse((await run(`${line} --store ${store} -o json`)).stdout);
const last = (method: string) => double.calls.findLast((call) => call.method === method)?.request;

const emptyImage = { reference: '', digest: '', arch: '', sizeBytes: 0, createdAtMs: 0, runtime: '', runtimeVersion: '' };

before(async () => {
  await mkdir(join(context, 'etc'), { recursive: true });
  await writeFile(join(context, 'etc/motd'), 'hello\n');
  await writeFile(join(context, 'Kubefile'), 'FROM scratch\nARG GREETING=hi\nLABEL greeting=$GREETING\nCOPY etc etc\n');
});

test('build tells on stderr what it does and puts the digest on stdout', async () => {
  const { code, stdout, stderr } = await run(`build -t demo:1 --build-arg GREETING=hello --store ${store} ${context}`);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^sha256:[0-9a-f]{64}\n$/);
  assert.match(stderr, /^\[1\/4\] FROM scratch\n/);
  assert.match(stderr, /\n\[4\/4\] COPY etc etc\n {2}layer [0-9a-f]{12} /);
  assert.match(stderr, /\nbuilt localhost\/demo:1 in .*1 layer, 1 made anew\n$/);
});

test('images, inspect, tag and rmi work on the local store', async () => {
  const [image] = await json('images');
  assert.deepEqual([image.reference, image.labels], ['localhost/demo:1', { greeting: 'hello', 'sealos.io.type': 'rootfs' }]);
  assert.match((await run(`images --store ${store}`)).stdout, /^IMAGE .*\nlocalhost\/demo:1\s+[0-9a-f]{12}\s+/);
  assert.match((await run(`inspect demo:1 --store ${store}`)).stdout, /Label greeting:\s+hello\n/);
  assert.equal((await json('inspect demo:1')).manifest.layers.length, 1);
  assert.equal((await run(`tag demo:1 other:2 third:3 --store ${store}`)).code, 0);
  assert.equal((await json('images')).length, 3);
  assert.equal((await run(`rmi other:2 third:3 --store ${store}`)).code, 0);
  assert.equal((await json('images')).length, 1);
});

test('build, inspect, save and load take several platforms', async () => {
  const { code, stderr } = await run(`build -t multi:1 --platform linux/amd64,linux/arm64 --store ${store} ${context}`);
  assert.equal(code, 0, stderr);
  assert.match((await run(`images --store ${store}`)).stdout, /multi:1\s+[0-9a-f]{12}\s+amd64,arm64 /);
  assert.equal((await json('inspect multi:1 --platform linux/arm64')).config.architecture, 'arm64');
  assert.match((await run(`inspect multi:1 --store ${store}`)).stdout, /Of index:\s+linux\/arm64 sha256:/);
  const [file, target] = [join(root, 'multi.tar'), join(root, 'multi')];
  assert.equal((await run(`save multi:1 -o ${file} --store ${store}`)).code, 0);
  assert.equal((await run(`load -i ${file} --platform linux/arm64 --store ${target}`)).code, 0);
  assert.match((await run(`images --store ${target}`)).stdout, /multi:1\s+[0-9a-f]{12}\s+arm64 /);
  assert.equal((await run(`save multi:1 -o ${file} --format docker-archive --store ${store}`)).code, 2);
  assert.equal((await run(`load -i ${file} --name two:1 --store ${target}`)).stdout, 'localhost/two:1\n');
  assert.match((await run(`inspect multi:1 --platform s390x --store ${store}`)).stderr, /--platform "s390x" is not supported/);
  await run(`rmi multi:1 --store ${store}`);
});

test('save and load carry an image to another store', async () => {
  const file = join(root, 'demo.tar');
  assert.equal((await run(`save demo:1 -o ${file} --store ${store}`)).code, 0);
  const { code, stdout } = await run(`load -i ${file} --store ${join(root, 'other')}`);
  assert.deepEqual([code, stdout], [0, 'localhost/demo:1\n']);
});

test('run sends the blobs that the server lacks, names the image there and runs the cluster of the flags', async () => {
  const image = await json('inspect demo:1');
  const digests: string[] = [image.digest, image.manifest.config.digest, image.manifest.layers[0].digest];
  double.answers.findMissingBlobs = (request) => ({ missing: request.digests.filter((digest) => !double.blobs.has(digest)) });
  double.answers.putImage = () => ({ image: undefined });
  double.answers.run = (request) => {
    if (!request.dryRun) {
      double.operations.set('op-1', { plan: smallPlan(), items: [] });
      double.happen('op-1', { type: 'operation-finished', status: 'SUCCEEDED' });
    }
    return { operation: 'op-1', plan: planToWire(smallPlan()), savedUntilMs: 0 };
  };
  const { code, stderr } = await run(
    `run demo:1 -m 10.0.0.1 -n 10.0.0.2-10.0.0.3 -e A=b=c --cmds ls --name lab --store ${store}`,
  );
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^sent localhost\/demo:1 to the server: .* in 3 blobs\n/);
  assert.deepEqual([...double.blobs.keys()].sort(), digests.sort());
  assert.deepEqual(last('putImage'), { reference: 'localhost/demo:1', manifestDigest: image.digest });
  const { cluster, dryRun } = last('run') as { cluster: Record<string, unknown>; dryRun: boolean };
  assert.equal(dryRun, false);
  assert.deepEqual([cluster.name, cluster.image, cluster.env, cluster.cmds], ['lab', 'localhost/demo:1', { A: 'b=c' }, ['ls']]);
  assert.deepEqual(
    (cluster.hosts as { ip: string; role: string }[]).map(({ ip, role }) => `${ip} ${role}`),
    ['10.0.0.1 master', '10.0.0.2 worker', '10.0.0.3 worker'],
  );
});

test('a second run sends nothing; plan run only plans', async () => {
  double.calls.length = 0;
  const { code, stdout, stderr } = await run(`plan run demo:1 -m 10.0.0.1 --store ${store}`);
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, /\n2 phases, 3 steps on 2 nodes:\n/);
  assert.deepEqual(
    double.calls.filter((call) => call.method === 'run').map((call) => (call.request as { dryRun: boolean }).dryRun),
    [true],
  );
});

test('a Clusterfile says what is wanted, and flags go before it', async () => {
  const file = join(root, 'Clusterfile');
  await writeFile(
    file,
    'apiVersion: sealer.cloud/v2\nkind: Cluster\nmetadata:\n  name: lab\nspec:\n  image: demo:1\n  hosts:\n  - ips: [10.0.0.1]\n    roles: [master]\n',
  );
  const { code, stderr } = await run(`run -f ${file} -n 10.0.0.5 --store ${store}`);
  assert.equal(code, 0, stderr);
  const { cluster } = last('run') as { cluster: { name: string; hosts: { ip: string }[] } };
  assert.deepEqual([cluster.name, cluster.hosts.map((host) => host.ip)], ['lab', ['10.0.0.1', '10.0.0.5']]);
  assert.equal((await run(`run -f ${file}.missing`)).code, 3);
});

test('an image that is not here is taken from the server; in neither place it is IMAGE_NOT_FOUND with both named', async () => {
  const there = { ...emptyImage, reference: 'localhost/far:1', arch: 'amd64', sizeBytes: 1 };
  double.answers.listImages = () => ({ images: [there] });
  assert.equal((await run(`run far:1 -m 10.0.0.1 --store ${store}`)).code, 0);
  const { code, stderr } = await run(`run nowhere:1 -m 10.0.0.1 --store ${store}`);
  assert.equal(code, 4);
  assert.match(
    stderr,
    /^IMAGE_NOT_FOUND: no image "localhost\/nowhere:1", neither in .*store nor on the server \(which has: localhost\/far:1\)\n/,
  );
});

test('an image of a registry that is neither here nor on the server is pulled by the server, with the credentials of the user', async () => {
  const far = { ...emptyImage, reference: 'registry.example/far:2', arch: 'amd64,arm64' };
  const auths = { 'registry.example': { auth: btoa('ada:lovelace') } };
  await mkdir(join(root, '.docker'), { recursive: true });
  await writeFile(join(root, '.docker/config.json'), JSON.stringify({ auths }));
  double.pullReplies = [
    { totalBlobs: 3, totalBytes: 900, missingBytes: 900 },
    { warning: 'the mirror m.example is left out: it is gone' },
    { pulled: { image: far, movedBlobs: 3, movedBytes: 900, from: 'registry.example' } },
  ];
  const { code, stderr } = await run(`run registry.example/far:2 -m 10.0.0.1 --store ${store}`);
  assert.equal(code, 0, stderr);
  assert.match(
    stderr,
    /^registry\.example\/far:2 is neither here nor on the server; the server pulls it from registry\.example\n/,
  );
  assert.match(stderr, /\nwarning: the mirror m\.example is left out/);
  assert.match(
    stderr,
    /\nthe server pulled registry\.example\/far:2 \(linux\/amd64, linux\/arm64\) from registry\.example: 900 B in 3 blobs\n/,
  );
  assert.doesNotMatch(stderr, /lovelace/);
  assert.equal((last('run') as { cluster: { image: string } }).cluster.image, 'registry.example/far:2');
  const { access, ...rest } = last('pullImage') as { access: { username: string; password: string } };
  assert.deepEqual([access.username, access.password], ['ada', 'lovelace']);
  assert.deepEqual(rest, { reference: 'registry.example/far:2', name: '', archs: [], allPlatforms: false });
  double.pullReplies = [new Problem('REGISTRY_UNREACHABLE', 'seen from the server, it cannot be used')];
  assert.match(
    (await run(`run other.example/x:1 -m 10.0.0.1 --store ${store}`)).stderr,
    /\nREGISTRY_UNREACHABLE: seen from the server/,
  );
});

test('pull --remote says what of an index is wanted; the directory of certificates would be one of this machine', async () => {
  const image = { ...emptyImage, reference: 'localhost/b:1', digest: 'sha256:1', arch: 'arm64' };
  double.pullReplies = [{ pulled: { image, movedBlobs: 0, movedBytes: 0, from: 'r.example' } }];
  const { stdout, stderr } = await run('pull r.example/b:1 --remote --name b:1 --platform arm64 --insecure');
  assert.equal(stdout, 'sha256:1\n', stderr);
  assert.match(stderr, /: everything was there\n$/);
  const { archs, name, access } = last('pullImage') as { archs: string[]; name: string; access: { insecure: boolean } };
  assert.deepEqual([archs, name, access.insecure], [['arm64'], 'b:1', true]);
  assert.equal((await run('pull r.example/b:1 --remote --cert-dir /nowhere')).code, 2);
});

test('push --remote sends an index whole, or one platform of it', async () => {
  double.answers.findMissingBlobs = (request) => ({ missing: request.digests.filter((digest) => !double.blobs.has(digest)) });
  assert.equal((await run(`build -t two:1 --platform linux/amd64,linux/arm64 --store ${store} ${context}`)).code, 0);
  const image = await json('inspect two:1 --platform linux/arm64');
  assert.equal((await run(`push two:1 --remote --platform arm64 --store ${store}`)).code, 0);
  assert.deepEqual(last('putImage'), { reference: 'localhost/two:1', manifestDigest: image.digest });
  assert.equal(double.blobs.has(image.indexDigest), false);
  assert.equal((await run(`push two:1 --remote --store ${store}`)).code, 0);
  assert.deepEqual(last('putImage'), { reference: 'localhost/two:1', manifestDigest: image.indexDigest });
  for (const { digest } of [...image.platforms, { digest: image.indexDigest }]) assert.ok(double.blobs.has(digest), digest);
});

test('a mistake in a Kubefile is told with file and line, and names no image', async () => {
  await writeFile(join(context, 'Broken'), 'FROM scratch\nCOPPY a b\n');
  const { code, stderr } = await run(`build -t broken:1 -f ${join(context, 'Broken')} --store ${store} ${context}`);
  assert.equal(code, 3);
  assert.match(stderr, /^KUBEFILE_INVALID: .*Broken:2:/);
  assert.equal((await run(`inspect broken:1 --store ${store}`)).code, 4);
  assert.equal((await run(`build --store ${store} ${context}`)).code, 2);
  assert.equal((await run(`build -t x:1 --platform linux/mips --store ${store} ${context}`)).code, 2);
});
