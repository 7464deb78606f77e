import assert from 'node:assert/strict';
import { test } from 'node:test';
import { imagesOfList, imagesOfManifest } from './find-images.ts';

test('reads lists with comments, and names as container runtimes do', () => {
  const list = imagesOfList(
    '# first\nnginx\n\nquay.io/a/b:1 # why\r\ncalico/node:v3\nlocalhost:5000/x@sha256:'.concat('a'.repeat(64)),
    'imageList',
  );
  assert.deepEqual(
    list.map(({ reference, line }) => `${line} ${reference.text}`),
    [
      '2 docker.io/library/nginx:latest',
      '4 quay.io/a/b:1',
      '5 docker.io/calico/node:v3',
      `6 localhost:5000/x@sha256:${'a'.repeat(64)}`,
    ],
  );
  assert.throws(() => imagesOfList('ok\nNot/Good\n', 'imageList'), { code: 'BUILD_INPUT_INVALID', message: /^imageList:2: / });
});

test('finds image fields wherever they stand in a manifest, and no schema that is called so', () => {
  const { images, warnings } = imagesOfManifest(
    [
      'kind: Pod',
      'spec:',
      '  initContainers: [{ name: a, image: busybox:1 }]',
      '  containers:',
      '  - image: "nginx:1.2"',
      '---',
      'kind: CustomResourceDefinition',
      'properties:',
      '  image:',
      '    type: string',
      '---',
      'spec:',
      '  image: $IMAGE',
    ].join('\n'),
    'manifests/x.yaml',
  );
  assert.deepEqual(
    images.map(({ reference, line }) => `${line} ${reference.text}`),
    ['3 docker.io/library/busybox:1', '5 docker.io/library/nginx:1.2'],
  );
  assert.deepEqual(warnings, ['manifests/x.yaml:13: the image "$IMAGE" is not known before it is rendered; add it to imageList']);
});

test('reads a template, which is no YAML, line by line', () => {
  const text = 'spec:\n{{ if .X }}\n  - image: nginx:1 # web\n{{ end }}\n    image: {{ .Image }}:2\n    image:\n';
  const { images, warnings } = imagesOfManifest(text, 'x.yaml');
  assert.deepEqual(
    images.map(({ reference, line }) => [line, reference.text]),
    [[3, 'docker.io/library/nginx:1']],
  );
  assert.equal(warnings.length, 1);
});
