import assert from 'node:assert/strict';
import { createWriteStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';
import { createGzip } from 'node:zlib';
import { canonicalJson, Problem, sha256Digest } from '@seal/foundation';
import tar from 'tar-stream';
import { mediaTypes } from '../../store/media-types.ts';
import { fails, filesOf, inWorkshop } from '../test-workshop.ts';
import type { ImagePuller } from './collect-images.ts';

/** A registry that has every image but those called "missing"; images share their base layer, and `content` makes their own one. */
function registry(content = (name: string) => name) {
  const pulled: string[] = [];
  const puller: ImagePuller = {
    pullImage: async ({ text, repository, tag }, { arch }, store) => {
      pulled.push(text);
      if (repository.endsWith('missing')) throw new Problem('IMAGE_NOT_FOUND', `the registry has no ${text}`);
      const layers = [];
      for (const bytes of ['base', content(`${repository}:${tag} ${arch}`)]) {
        const { digest, sizeBytes } = await store.writeBlob([Buffer.from(bytes)]);
        layers.push({ mediaType: mediaTypes.layerGzip, digest, size: sizeBytes });
      }
      const config = await store.writeBlob([Buffer.from('{}')]);
      const manifest = {
        schemaVersion: 2,
        mediaType: mediaTypes.manifest,
        config: { mediaType: mediaTypes.config, digest: config.digest, size: config.sizeBytes },
        layers,
      };
      const { digest, sizeBytes } = await store.writeBlob([Buffer.from(canonicalJson(manifest))]);
      return { mediaType: mediaTypes.manifest, digest, size: sizeBytes };
    },
  };
  return { pulled, puller };
}

const root = 'registry/docker/registry/v2';

test('collects what lists, manifests and apps name, each blob once, without what is ignored', () =>
  inWorkshop(async ({ write, build, rootfs, directory, progress }) => {
    await write({
      imageList: 'nginx:1\n',
      'manifests/imageList': 'quay.io/a/b:2\nnginx:1\n',
      'manifests/deep/x.yml': 'image: c:3\n',
      'manifests/notes.txt': 'image: no:1\n',
      'etc/other.yaml': 'image: no:2\n',
      'app.yaml': 'spec: {image: d:4}\n',
    });
    await writeFile(join(directory, 'more'), 'e:5\n');
    await writeFile(join(directory, 'ignored'), 'docker.io/library/c:3\n');
    const { pulled, puller } = registry();
    const images = { puller, lists: [join(directory, 'more')], ignoredLists: [join(directory, 'ignored')] };
    const image = await build('FROM scratch\nCOPY . .\nAPP web local://app.yaml\n', { images, archs: ['amd64'] });
    assert.deepEqual(pulled.toSorted(), [
      'docker.io/library/d:4',
      'docker.io/library/e:5',
      'docker.io/library/nginx:1',
      'quay.io/a/b:2',
    ]);
    const files = (await filesOf(await rootfs(image))).filter((path) => path.startsWith(root));
    assert.equal(
      files.filter((path) => path.endsWith('/data')).length,
      2 + 4 + 4,
      'base and config, four layers, four manifests',
    );
    const index = JSON.parse(await readFile(join(await rootfs(image), 'registry/index.json'), 'utf8'));
    assert.deepEqual(
      index.manifests.map(({ annotations }: { annotations: object }) => Object.values(annotations)[0]),
      ['docker.io/library/d:4', 'docker.io/library/e:5', 'docker.io/library/nginx:1', 'quay.io/a/b:2'],
    );
    const tag = `${root}/repositories/a/b/_manifests/tags/2`;
    const digest = await readFile(join(await rootfs(image), tag, 'current/link'), 'utf8');
    const hex = digest.slice('sha256:'.length);
    assert.ok(files.includes(`${tag}/index/sha256/${hex}/link`));
    assert.ok(files.includes(`${root}/repositories/a/b/_manifests/revisions/sha256/${hex}/link`));
    const manifest = await readFile(join(await rootfs(image), root, 'blobs/sha256', hex.slice(0, 2), hex, 'data'));
    assert.equal(sha256Digest(manifest), digest);
    assert.equal(progress.filter(({ kind }) => kind === 'image').length, 4);
    assert.deepEqual(
      (await build('FROM scratch\nCOPY . .\nAPP web local://app.yaml\n', { images, archs: ['amd64'] })).digest,
      image.digest,
    );
  }));

test('names file and line of an image that cannot be had, and names no image then', () =>
  inWorkshop(async ({ write, build, store }) => {
    await write({ 'manifests/x.yaml': 'a: b\nimage: missing:1\n', imageList: 'nginx\n' });
    const images = registry();
    const problem = await fails(
      build('FROM scratch\nCOPY . .\n', { images }),
      'BUILD_INPUT_INVALID',
      /^manifests\/x\.yaml:2: the image docker\.io\/library\/missing:1 cannot be had: the registry has no/,
    );
    assert.deepEqual([problem.details.file, problem.details.line], ['manifests/x.yaml', 2]);
    assert.deepEqual(await store.list(), []);
  }));

test('takes the images of each platform, and leaves what a base image brought', () =>
  inWorkshop(async ({ write, build, rootfs }) => {
    await write({ imageList: 'nginx:1\n', 'manifests/x.yaml': 'image: web:2\n' });
    const first = registry();
    await build('FROM scratch\nCOPY imageList imageList\n', { images: first, archs: ['amd64', 'arm64'], reference: 'base:1' });
    assert.deepEqual(first.pulled, ['docker.io/library/nginx:1', 'docker.io/library/nginx:1']);
    const second = registry();
    const image = await build('FROM base:1\nCOPY manifests manifests\n', { images: second, archs: ['arm64'] });
    assert.deepEqual(second.pulled, ['docker.io/library/web:2']);
    const index = JSON.parse(await readFile(join(await rootfs(image), 'registry/index.json'), 'utf8'));
    assert.equal(index.manifests.length, 2);
  }));

test('tells every image that cannot be had, and has pulled the others', () =>
  inWorkshop(async ({ write, build }) => {
    await write({ imageList: 'a/missing:1\nnginx\n', 'manifests/x.yaml': 'image: b/missing:2' });
    const images = registry();
    const problem = await fails(
      build('FROM scratch\nCOPY . .\n', { images }),
      'BUILD_INPUT_INVALID',
      /^imageList:1: .*\nmanifests\/x/,
    );
    assert.equal((problem.details.missing as object[]).length, 2);
    assert.ok(images.pulled.includes('docker.io/library/nginx:latest'));
  }));

test('leaves out what lies in an archive of images/ already', () =>
  inWorkshop(async ({ write, context, build }) => {
    await write({
      'manifests/x.yaml': 'image: seal.local/web:1\n---\nimage: there:2\n',
      'images/': '',
      'images/notes.tar': 'none',
    });
    const pack = tar.pack();
    pack.entry({ name: 'layer.tar' }, Buffer.alloc(300_000));
    pack.entry(
      { name: 'manifest.json' },
      JSON.stringify([{ Config: 'c', RepoTags: ['seal.local/web:1', 'Not/A name'], Layers: [] }]),
    );
    pack.finalize();
    await pipeline(pack, createGzip(), createWriteStream(join(context, 'images/web.tar.gz')));
    const images = registry();
    await build('FROM scratch\nCOPY . .\n', { images });
    assert.deepEqual(images.pulled, ['docker.io/library/there:2']);
    images.pulled.length = 0;
    await build('FROM scratch\nCOPY . .\nRUN rm images/web.tar.gz\n', { images });
    assert.equal(images.pulled.length, 2);
  }));

test('gives a large blob a layer of its own, which more images leave as it is', () =>
  inWorkshop(async ({ write, build }) => {
    await write({ imageList: 'large:1\n', more: 'web:2\n' });
    const content = (name: string) => (name.includes('large') ? 'x'.repeat(5_000_000) : name);
    const images = registry(content);
    const first = await build('FROM scratch\nCOPY imageList .\n', { images });
    assert.equal(first.layers.length, 3);
    await write({ imageList: 'large:1\nweb:2\n' });
    const second = await build('FROM scratch\nCOPY imageList .\n', { images });
    assert.deepEqual(
      second.layers.map(({ cached }) => cached),
      [false, true, false],
    );
  }));

test('refuses two images that the registry of the cluster cannot tell apart', () =>
  inWorkshop(async ({ write, build }) => {
    await write({ imageList: 'quay.io/a/b:1\nghcr.io/a/b:1\n' });
    let count = 0;
    const differing = registry(() => String(count++));
    await fails(
      build('FROM scratch\nCOPY . .\n', { images: differing }),
      'BUILD_INPUT_INVALID',
      /^imageList:2: ghcr\.io\/a\/b:1 has the name of another image \(imageList:1/,
    );
    await build('FROM scratch\nCOPY . .\n', { images: registry() });
  }));
