import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pack } from 'tar-stream';
import { openStore } from '../store/image-store.ts';
import { mediaTypes } from '../store/media-types.ts';
import { readImageFacts } from './image-facts.ts';
import { readImageTexts } from './read-image-texts.ts';

const root = await mkdtemp(join(tmpdir(), 'seal-foreign-'));
after(() => rm(root, { recursive: true }));
const store = await openStore(join(root, 'store'));

/** Puts an image into the store as another builder makes it: without any word of what it is for. */
async function foreignImage(layers: readonly Readonly<Record<string, string>>[], config: object = {}): Promise<string> {
  const tars = await Promise.all(layers.map(tarOf));
  const blobs = await Promise.all(tars.map((tar) => store.writeBlob([tar])));
  const diffIds = tars.map((tar) => `sha256:${createHash('sha256').update(tar).digest('hex')}`);
  const write = (value: unknown) => store.writeBlob([Buffer.from(JSON.stringify(value))]);
  const made = await write({ architecture: 'amd64', os: 'linux', config, rootfs: { type: 'layers', diff_ids: diffIds } });
  const { digest } = await write({
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: { mediaType: mediaTypes.config, digest: made.digest, size: made.sizeBytes },
    layers: blobs.map((blob) => ({ mediaType: mediaTypes.layerPlain, digest: blob.digest, size: blob.sizeBytes })),
  });
  await store.putReference(`foreign:${digest.slice(7, 15)}`, digest);
  return digest;
}

async function tarOf(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const tar = pack();
  for (const [name, text] of Object.entries(files))
    if (text.startsWith('-> ')) tar.entry({ name, type: 'symlink', linkname: text.slice(3) });
    else tar.entry({ name }, text);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const kinds: readonly (readonly [path: string, kind: string])[] = [
  ['opt/helm', 'app-installer'],
  ['bin/helm', 'app-installer'],
  ['bin/kubeadm', 'kube-installer'],
  ['cri/containerd.tar.gz', 'kube-installer'],
  ['Metadata', 'kube-installer'],
];
for (const [path, kind] of kinds)
  test(`an image that does not say what it is for and holds ${path} is of the kind ${kind}`, async () => {
    assert.equal((await readImageFacts(store, await foreignImage([{ [path]: 'x' }]))).kind, kind);
  });

test('the label of sealos says the kind, whatever the files look like', async () => {
  const digest = await foreignImage([{ Metadata: '{}' }], { Labels: { 'sealos.io.type': 'application' } });
  assert.equal((await readImageFacts(store, digest)).kind, 'app-installer');
});

test('entrypoint and command of an image of sealos are lines for the shell, in that order', async () => {
  const config = { Entrypoint: ['kubectl create namespace $Name'], Cmd: ['helm install a charts/a', 'echo done'] };
  const { cmds } = await readImageFacts(store, await foreignImage([{ x: '' }], config));
  assert.deepEqual(cmds, ['kubectl create namespace $Name', 'helm install a charts/a', 'echo done']);
});

test('texts of files come from the layer on top that has them; what a layer removes is not there', async () => {
  const digest = await foreignImage([
    { 'etc/a': 'old', 'etc/b': 'below', 'dir/c': 'c', 'gone/d': 'd', 'gone/e': 'e', link: '-> etc/a' },
    { 'etc/a': 'new', 'etc/.wh.b': '', 'dir/.wh..wh..opq': '', '.wh.gone': '' },
    { 'gone/e': 'again' },
  ]);
  const paths = ['etc/a', 'etc/b', 'dir/c', 'gone/d', 'gone/e', 'link', 'nowhere'];
  assert.deepEqual(await readImageTexts(store, digest, paths), { 'etc/a': 'new', 'gone/e': 'again' });
  assert.deepEqual(await readImageTexts(store, digest, []), {});
});

test('a file of more than a mebibyte is no text that anybody configures', async () => {
  const digest = await foreignImage([{ big: 'x'.repeat(1024 * 1024 + 1), small: 'x' }]);
  assert.deepEqual(Object.keys(await readImageTexts(store, digest, ['big', 'small'])), ['small']);
});
