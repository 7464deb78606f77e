import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConfigFile } from '@seal/clusterfile';
import { parse, parseAllDocuments } from 'yaml';
import type { ImageFacts } from '../cluster-facts.ts';
import { sampleImage } from '../testing/sample-facts.ts';
import { arrangeImages, imageName } from './arrange-images.ts';
import { layConfigs, placesOfConfigs } from './lay-configs.ts';
import { withPatches } from './with-patches.ts';

const imageOf = (reference: string, kind: ImageFacts['kind'], change: Partial<ImageFacts> = {}): ImageFacts => {
  return { ...sampleImage, reference, digest: `sha256:${reference}`, kind: kind ?? 'kube-installer', ...change };
};
const helm = imageOf('labring/helm:v3', 'app-installer');
const calico = imageOf('labring/calico:v3', 'app-installer');
const patch = imageOf('fix:1', 'patch', {
  layers: [{ digest: 'sha256:p', mediaType: 'tar', sizeBytes: 1 }],
  env: { Shared: 'patch' },
  labels: { 'sealos.io.type': 'patch', version: 'v9', extra: 'yes' },
  paths: ['etc/new', 'scripts/clean.sh'],
  files: { Metadata: '{}' },
});

test('the rootfs comes first whatever the order said; the others keep theirs', () => {
  const arranged = arrangeImages([helm, sampleImage, patch, calico, helm]);
  assert.equal(arranged.rootfs, sampleImage);
  assert.deepEqual([arranged.patches, arranged.apps], [[patch], [helm, calico]]);
  assert.equal(arrangeImages([helm]).rootfs, undefined);
});

test('two images that make a cluster, and two of one name, are refused by name', () => {
  assert.throws(() => arrangeImages([sampleImage, imageOf('k:2', 'kube-installer')]), {
    code: 'IMAGES_CONTRADICTORY',
    message: 'kubernetes:1.20.2 and k:2 both make a cluster, and a cluster is made from one',
  });
  assert.throws(() => arrangeImages([helm, imageOf('other/helm:v2', 'app-installer')]), {
    code: 'IMAGES_CONTRADICTORY',
    message: /labring\/helm:v3 and other\/helm:v2 both have the name helm/,
  });
});

test('the name of an image is the last part of its repository', () => {
  assert.deepEqual(['docker.io/labring/helm:v3.8.2', 'host:5000/a/B_c', 'x@sha256:12'].map(imageName), ['helm', 'b-c', 'x']);
});

test('a patch stands over labels, ENV and files of the image, and stays a layer of its own', () => {
  const image = withPatches(sampleImage, [patch]);
  assert.deepEqual([image.layers, image.over], [sampleImage.layers, patch.layers]);
  assert.deepEqual([image.env.Shared, image.env.FromImage, image.labels.extra], ['patch', 'image', 'yes']);
  assert.deepEqual([image.labels['sealos.io.type'], image.labels.version], [undefined, undefined]);
  assert.deepEqual([image.files.Metadata, image.digest], ['{}', sampleImage.digest]);
  assert.ok(image.paths.includes('etc/new') && image.paths.includes('bin/kubeadm'));
  assert.equal(withPatches(sampleImage, []), sampleImage);
});

const config = (change: Partial<ConfigFile>): ConfigFile => ({
  path: 'etc/x.yaml',
  data: 'a: 1',
  strategy: 'overwrite',
  ...change,
});
const shop = imageOf('shop:1', 'app-installer', { apps: [{ name: 'web', files: [], env: {}, cmds: [] }] });
const lay = (configs: readonly ConfigFile[], below?: string, images = [shop]) =>
  layConfigs(placesOfConfigs(configs, sampleImage, images), () => below);

test('a Config goes over the rootfs, or over the directory of its app; without a rootfs over every image', () => {
  assert.deepEqual(lay([config({}), config({ app: 'web', path: 'v.yaml' }), config({ app: 'shop', path: 'y' })]), [
    { image: '', path: 'etc/x.yaml', text: 'a: 1' },
    { image: 'shop:1', path: 'application/apps/web/v.yaml', text: 'a: 1' },
    { image: 'shop:1', path: 'y', text: 'a: 1' },
  ]);
  const places = placesOfConfigs([config({})], undefined, [shop, helm]);
  assert.deepEqual(
    places.map(({ image, path }) => `${image} ${path}`),
    ['shop:1 etc/x.yaml', 'labring/helm:v3 etc/x.yaml'],
  );
});

test('merge lays a mapping over every document of the file; a later Config works on what the one before made', () => {
  const below = 'kind: A\ndeep: {keep: 1, change: 2}\n---\nkind: B\n';
  const [laid] = lay(
    [config({ strategy: 'merge', data: 'deep: {change: 3}' }), config({ strategy: 'merge', data: 'more: x' })],
    below,
  );
  assert.deepEqual(
    parseAllDocuments(laid?.text ?? '').map((document) => document.toJS() as unknown),
    [
      { kind: 'A', deep: { keep: 1, change: 3 }, more: 'x' },
      { kind: 'B', deep: { change: 3 }, more: 'x' },
    ],
  );
});

test('toSecret puts values, base64 encoded, into the Secret that is there', () => {
  const below = 'kind: Secret\nmetadata: {name: s}\ndata: {old: b2xk}\n';
  const [laid] = lay([config({ strategy: 'secret', data: 'password: geheim\nport: 5' })], below);
  const encode = (text: string) => Buffer.from(text).toString('base64');
  assert.deepEqual(parse(laid?.text ?? ''), {
    kind: 'Secret',
    metadata: { name: 's' },
    data: { old: 'b2xk', password: encode('geheim'), port: encode('5') },
  });
});

test('nothing to merge into, and a file that is no YAML, are said with image and path', () => {
  const merge = [config({ strategy: 'merge' })];
  assert.throws(() => lay(merge), {
    code: 'CONFIG_MERGE_FAILED',
    message: /image kubernetes:1\.20\.2 has no text file etc\/x\.yaml/,
  });
  assert.throws(() => lay(merge, '[broken'), {
    code: 'CONFIG_MERGE_FAILED',
    message: /etc\/x\.yaml of image kubernetes:1\.20\.2 is no YAML/,
  });
  assert.throws(() => lay(merge, '- list'), { code: 'CONFIG_MERGE_FAILED', message: /no mapping/ });
});
