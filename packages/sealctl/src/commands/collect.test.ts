import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { registryHindrance, startTestRegistry } from '@seal/cluster-image/test-registry';
import { capturedRun } from '../captured-run.ts';

const root = await mkdtemp(join(tmpdir(), 'sealctl-collect-'));
after(() => rm(root, { recursive: true, force: true }));
const store = join(root, 'store');
const context = join(root, 'context');
const run = (line: string) => capturedRun(line.split(' '), { home: root });

test('build collects the images of a list and of manifests, tells each, and what is missing with file and line', {
  skip: registryHindrance,
}, async () => {
  await using registry = await startTestRegistry();
  await mkdir(join(context, 'manifests'), { recursive: true });
  await writeFile(join(root, 'Base'), 'FROM scratch\nCOPY Kubefile etc/motd\n');
  await writeFile(join(context, 'Kubefile'), 'FROM scratch\nCOPY manifests manifests\n');
  assert.equal((await run(`build -t web:1 -f ${join(root, 'Base')} --platform amd64 --store ${store} ${context}`)).code, 0);
  for (const name of ['web:1', 'db:1'])
    assert.equal((await run(`push web:1 ${registry.host}/${name} --insecure --store ${store}`)).code, 0);
  await writeFile(join(context, 'manifests/web.yaml'), `image: ${registry.host}/web:1\n`);
  await writeFile(join(root, 'list'), `${registry.host}/db:1\n`);
  const build = `build -t k:1 --insecure --platform amd64 --store ${store} --image-list ${join(root, 'list')} ${context}`;
  const { code, stderr } = await run(build);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^ {2}image 2\/2 127\.0\.0\.1:\d+\/(?:web|db):1$/m);

  await writeFile(join(context, 'manifests/gone.yaml'), `image: ${registry.host}/gone:1\n`);
  const failed = await run(build);
  assert.equal(failed.code, 3);
  assert.match(
    failed.stderr,
    /BUILD_INPUT_INVALID: manifests\/gone\.yaml:1: the image 127.*gone:1 cannot be had: .*\n.*ignored-image-list/,
  );
  await writeFile(join(root, 'ignored'), `${registry.host}/gone:1\n`);
  assert.equal((await run(`${build} --ignored-image-list ${join(root, 'ignored')}`)).code, 0);
  assert.equal((await run(`${build} --build-mode lite`)).code, 0);
});

test('build names a list that is not there, and the line of one that holds no name', async () => {
  await mkdir(context, { recursive: true });
  await writeFile(join(context, 'Kubefile'), 'FROM scratch\nCOPY Kubefile x\n');
  await writeFile(join(root, 'bad'), 'ok:1\nNot Good\n');
  const build = `build -t k:1 --store ${store} ${context}`;
  assert.match(
    (await run(`${build} --image-list /none`)).stderr,
    /^BUILD_INPUT_INVALID: the list of images \/none cannot be read/,
  );
  assert.match(
    (await run(`${build} --image-list ${join(root, 'bad')}`)).stderr,
    /^BUILD_INPUT_INVALID: .*bad:2: image reference .*Not Good.*\nWrite the name/,
  );
});
