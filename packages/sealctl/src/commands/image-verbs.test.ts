import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ServerDouble } from '@seal/protocol/server-double';
import { capturedRun } from '../captured-run.ts';

const root = await mkdtemp(join(tmpdir(), 'sealctl-verbs-'));
const double = await ServerDouble.start();
after(async () => {
  await double[Symbol.asyncDispose]();
  await rm(root, { recursive: true });
});
const store = join(root, 'store');
const context = join(root, 'context');
const run = (line: string) => capturedRun([...line.split(' '), '--server', `unix:${double.socket}`], { home: root });
const here = (line: string) => run(`${line} --store ${store}`);
const json = async (line: string) => JSON.parse((await here(`${line} -o json`)).stdout);
const build = async (name: string, kubefile: string) => {
  await writeFile(join(context, 'Kubefile'), kubefile);
  assert.equal((await here(`build -t ${name} ${context}`)).code, 0);
};

before(async () => {
  await mkdir(join(context, 'etc'), { recursive: true });
  await writeFile(join(context, 'etc/motd'), 'hello\n');
  await writeFile(join(context, 'etc/extra'), 'more\n');
  await build('kube:1', 'FROM scratch\nLABEL v=1\nCOPY etc/motd etc/motd\n');
  await build('app:1', 'FROM scratch\nLABEL v=2 sealos.io.type=application\nCMD ["echo"]\nCOPY etc/extra etc/extra\n');
});

test('merge makes one image of several and says in which order', async () => {
  const { code, stdout, stderr } = await here('merge app:1 kube:1 -t both:1');
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^sha256:[0-9a-f]{64}\n$/);
  assert.match(stderr, /^merged localhost\/kube:1, localhost\/app:1 into localhost\/both:1 \(linux\/\w+: 2 layers\)\n$/);
  assert.equal((await json('inspect both:1')).labels.v, '2');
  assert.equal((await here('merge kube:1 -t alone:1')).code, 2);
  assert.equal((await here('merge kube:1 app:1')).code, 2);
  assert.equal((await here('merge kube:1 nothing:1 -t x:1')).code, 4);
});

test('diff shows paths, layers and settings that differ, as lines or as JSON', async () => {
  const { code, stdout, stderr } = await here('diff kube:1 both:1');
  assert.equal(code, 0, stderr);
  assert.match(
    stdout,
    /^\+ etc\/extra {2}5 B\n\+ layer [0-9a-f]{12} {2}\d+ B\n= 1 layer that both have\n\+ cmd=echo\n- label v=1\n\+ label v=2\n$/,
  );
  assert.equal(stderr, '1 added, 0 removed, 0 changed\n');
  const { removed, addedLayers } = await json('diff both:1 kube:1');
  assert.deepEqual([removed[0].path, removed[0].sizeBytes, addedLayers], ['etc/extra', 5, []]);
});

test('images prune says what goes; a dry run takes nothing; by age it takes named images', async () => {
  await build('app:1', 'FROM scratch\nLABEL v=3\nCOPY etc/extra etc/extra\n');
  const dry = await here('images prune --dry-run');
  assert.equal(dry.code, 0, dry.stderr);
  assert.match(dry.stdout, /\n<none>\s+[0-9a-f]{12}\s+/);
  assert.match(dry.stderr, /^would be removed: 1 image, 2 blobs \(.*\), 0 beginnings of downloads \(0 B\); .* would be freed\n$/);
  const done = await json('images prune');
  assert.deepEqual([done.dryRun, done.images.length, done.blobs], [false, 1, 2]);
  assert.equal((await json('images prune')).freedBytes, 0);
  assert.deepEqual((await json('images prune --older-than 1h')).images, []);
  assert.equal((await json('images')).length, 3);
  assert.ok((await json('images prune --build-cache')).cacheRecords > 0);
});

test('images prune --remote asks the server, which knows what clusters run from', async () => {
  const image = { reference: 'localhost/old:1', digest: `sha256:${'1'.repeat(64)}`, addedAtMs: 5 };
  const reply = { images: [image], blobs: 4, blobBytes: 2048, downloads: 0, downloadBytes: 0, freedBytes: 2048 };
  double.answers.pruneImages = () => reply;
  const { stdout, stderr } = await run('images prune --remote --older-than 30d --dry-run');
  assert.match(stdout, /localhost\/old:1 +111111111111/);
  assert.match(stderr, /^would be removed: 1 image, 4 blobs \(2\.0 KiB\)/);
  const { dryRun, addedBeforeMs } = double.calls.at(-1)!.request as { dryRun: boolean; addedBeforeMs: number };
  assert.equal(dryRun, true);
  assert.ok(Math.abs(Date.now() - 30 * 86_400_000 - addedBeforeMs) < 600_000);
  assert.equal((await run('images prune --remote --build-cache')).code, 2);
});

test('store check reads all; a damaged blob is told with the image that suffers and ends with exit code 1 until it is whole', async () => {
  const none = await run(`store check --store ${root}/mistyped`);
  assert.deepEqual([none.code, none.stderr.split(':')[0]], [3, 'FILE_UNUSABLE']);
  const whole = await here('store check');
  assert.equal(whole.code, 0, whole.stderr);
  assert.match(whole.stderr, /^read 3 images, \d+ blobs, .*B\n$/);
  const [layer] = (await json('inspect app:1')).manifest.layers;
  const path = join(store, 'blobs/sha256', layer.digest.slice(7));
  const bytes = await readFile(path);
  await writeFile(path, Buffer.concat([bytes.subarray(0, -1), Buffer.from([bytes.at(-1)! ^ 1])]));
  const damaged = await here('store check');
  assert.equal(damaged.code, 1);
  assert.match(damaged.stdout, new RegExp(`^damaged: the bytes of blob ${layer.digest} have the digest`));
  assert.match(
    damaged.stderr,
    /IMAGE_STORE_DAMAGED: the store .* is not whole: 1 finding; images that suffer: localhost\/both:1, localhost\/app:1\n.*store check --repair/,
  );
  const repaired = await here('store check --repair');
  assert.equal(repaired.code, 1);
  assert.match(repaired.stdout, new RegExp(`^deleted ${layer.digest} .*\\nmissing: `));
  assert.match(repaired.stderr, /images that suffer: localhost\/(app|both):1/);
  await build('app:1', 'FROM scratch\nLABEL v=3\nCOPY etc/extra etc/extra\n');
  assert.equal((await here('store check')).code, 0);
});

test('every verb has a help with an example, and the shell completes it', async () => {
  for (const verb of ['images prune', 'merge', 'diff', 'store check', 'pull', 'push'])
    assert.match((await run(`${verb} --help`)).stdout, new RegExp(`Examples:\\n {2}sealctl ${verb}`), verb);
  const main = new URL('../main.ts', import.meta.url).pathname;
  const stdout = execFileSync(process.execPath, [main, 'complete', '--', ''], { encoding: 'utf8' });
  for (const verb of ['merge', 'diff', 'store', 'images']) assert.match(stdout, new RegExp(`^${verb}\\b`, 'm'));
});
