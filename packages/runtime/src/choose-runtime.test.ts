import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseRuntime } from './choose-runtime.ts';
import type { ImageFacts } from './cluster-facts.ts';
import { sampleImage } from './testing/sample-facts.ts';

const label = 'cluster.alpha.sealer.io/cluster-runtime-type';
const image = (runtimeLabel: string | undefined, metadata: string | undefined): ImageFacts => ({
  ...sampleImage,
  labels: { version: 'v1.25.0', ...(runtimeLabel ? { [label]: runtimeLabel } : {}) },
  files: metadata ? { Metadata: metadata } : {},
});

test('the runtime is what the label says, else Metadata, else kubernetes', () => {
  assert.equal(chooseRuntime(image('kubernetes', undefined)).name, 'kubernetes');
  assert.equal(chooseRuntime(image(undefined, '{"ClusterRuntime":"kubernetes"}')).name, 'kubernetes');
  assert.equal(chooseRuntime(image(undefined, undefined)).name, 'kubernetes');
});

test('the version is that of the label, else of Metadata', () => {
  assert.equal(chooseRuntime(image(undefined, '{"version":"v1.20.2"}')).version, 'v1.25.0');
  assert.equal(chooseRuntime({ ...sampleImage, labels: {} }).version, 'v1.20.2');
  assert.throws(() => chooseRuntime({ ...sampleImage, labels: {}, files: {} }), {
    code: 'IMAGE_VERSION_UNKNOWN',
    message: /does not say which Kubernetes version/,
  });
});

test('an image that is an application or a patch makes no cluster', () => {
  for (const kind of ['app-installer', 'patch'] as const)
    assert.throws(() => chooseRuntime({ ...sampleImage, kind }), {
      code: 'RUNTIME_UNSUPPORTED',
      message: new RegExp(`kind "${kind}"`),
    });
  assert.equal(chooseRuntime({ ...sampleImage, kind: 'kube-installer' }).name, 'kubernetes');
});

const refused: readonly (readonly [
  title: string,
  label: string | undefined,
  metadata: string | undefined,
  code: string,
  message: RegExp,
])[] = [
  [
    'a label and a Metadata that differ',
    'kubernetes',
    '{"ClusterRuntime":"k0s"}',
    'RUNTIME_CONTRADICTION',
    /"kubernetes" by label and "k0s" in its file Metadata/,
  ],
  ['k0s', 'k0s', undefined, 'RUNTIME_UNSUPPORTED', /for the cluster runtime "k0s"/],
  ['k3s by Metadata', undefined, '{"ClusterRuntime":"k3s"}', 'RUNTIME_UNSUPPORTED', /for the cluster runtime "k3s"/],
  ['a Metadata that is no JSON', undefined, '{', 'IMAGE_FILE_INVALID', /Metadata of image kubernetes:1\.20\.2 is no JSON/],
];
for (const [title, runtimeLabel, metadata, code, message] of refused)
  test(`refuses ${title}, and says what it found`, () => {
    assert.throws(() => chooseRuntime(image(runtimeLabel, metadata)), { code, message });
  });
