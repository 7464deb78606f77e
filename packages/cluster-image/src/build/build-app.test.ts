// biome-ignore-all lint/suspicious/noTemplateCurlyInString: Kubefiles write ${NAME} themselves
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { sha256Digest } from '@seal/foundation';
import { execa } from 'execa';
import { extensionAnnotation, readExtension } from '../store/image-extension.ts';
import { fails, filesOf, inWorkshop } from './test-workshop.ts';

const needsRoot = { skip: process.getuid?.() === 0 ? false : 'needs root' };

test('lays apps into application/apps and tells by their files how they are launched', () =>
  inWorkshop(async ({ write, build, rootfs, store }) => {
    await write({
      'chart/Chart.yaml': '',
      'chart/values.yaml': '',
      'chart/templates/a.yaml': '',
      'kube/b.yaml': '',
      'kube/sub/a.yml': '',
      'run.sh': '',
      'mixed/x.yaml': '',
      'mixed/y.txt': '',
    });
    const image = await build(
      [
        'FROM scratch',
        'ARG NS=demo',
        'APP chart local://chart',
        'APP web local://kube local://run.sh',
        'APPCMDS web ["kubectl apply", "-f sub"]',
        'CNI net local://kube',
        'CSI disk local://run.sh',
        'APPENV web A=1',
        'APPENV web B=${NS} A="2 3"',
        'LAUNCH net chart',
        'KUBEVERSION ">=1.20, <1.24"',
      ].join('\n'),
    );
    const files = await filesOf(await rootfs(image));
    assert.ok(files.includes('application/apps/web/sub/a.yml') && files.includes('application/apps/chart/templates/a.yaml'));
    const { manifest, config, labels } = await store.inspect('test');
    const { apps, launch, kind } = readExtension(manifest, config);
    assert.deepEqual(apps, [
      { name: 'chart', type: 'helm', files: [], env: {}, cmds: [] },
      { name: 'web', files: [], env: { A: '2 3', B: 'demo' }, cmds: ['kubectl apply', '-f sub'] },
      { name: 'net', type: 'kube', files: ['b.yaml', 'sub/a.yml'], env: {}, cmds: [] },
      { name: 'disk', type: 'shell', files: ['run.sh'], env: {}, cmds: [] },
    ]);
    assert.deepEqual([launch, kind], [['net', 'chart'], 'app-installer']);
    assert.deepEqual(labels, {
      'app.alpha.sealer.io/supported-kube-version': '>=1.20, <1.24',
      'cluster.alpha.sealer.io/kube-cni-net': 'true',
      'cluster.alpha.sealer.io/kube-csi-disk': 'true',
      'sealos.io.type': 'application',
    });
  }));

test('takes apps, launch and kind of the base image over, as sealer published them', () =>
  inWorkshop(async ({ write, build, store }) => {
    await write({ 'a.yaml': '', 'b.yaml': '' });
    await build('FROM scratch\nAPP a local://a.yaml\nLAUNCH a\n', { reference: 'base:1' });
    await build('FROM base:1\nAPP b local://b.yaml\nAPPENV a K=v\n');
    const { manifest, config } = await store.inspect('test');
    const written = JSON.parse(manifest.annotations?.[extensionAnnotation] ?? '{}');
    assert.deepEqual(written, {
      buildClient: { sealerVersion: '', buildahVersion: '' },
      schemaVersion: 'v1alpha1',
      type: 'app-installer',
      applications: [
        { name: 'a', type: 'kube', files: ['a.yaml'], version: 'v1', env: { K: 'v' } },
        { name: 'b', type: 'kube', files: ['b.yaml'], version: 'v1' },
      ],
      labels: { 'sealos.io.type': 'application' },
      env: {},
      launch: { app_names: ['a'] },
    });
    assert.deepEqual(readExtension(manifest, config).launch, ['a']);
    await build('FROM base:1\nCMDS ["echo"]\n');
    assert.deepEqual(readExtension((await store.inspect('test')).manifest, config).launch, []);
  }));

test('refuses to save apps as docker-archive, which has no place for them', () =>
  inWorkshop(async ({ write, build, store, directory }) => {
    await write({ 'a.yaml': '' });
    await build('FROM scratch\nAPP web local://a.yaml\n');
    await fails(
      store.save('test', join(directory, 'x.tar'), 'docker-archive'),
      'USAGE',
      /no place for the apps of .*test:latest/,
    );
  }));

test('lets the user, then the label, say what an image is for', () =>
  inWorkshop(async ({ write, build, store }) => {
    await write({ f: '' });
    const label = async (kubefile: string, kind?: 'patch') => {
      await build(kubefile, kind ? { kind } : {});
      const { manifest, config } = await store.inspect('test');
      return [readExtension(manifest, config).kind, config.config?.Labels?.['sealos.io.type']];
    };
    assert.deepEqual(await label('FROM scratch\nCOPY f f\n'), ['kube-installer', 'rootfs']);
    assert.deepEqual(await label('FROM scratch\nLABEL sealos.io.type=patch\n'), ['patch', 'patch']);
    assert.deepEqual(await label('FROM scratch\nLABEL apps.sealos.io/type=application\n'), ['app-installer', undefined]);
    assert.deepEqual(await label('FROM scratch\n', 'patch'), ['patch', 'patch']);
  }));

test('refuses apps that cannot be launched, at the line that names them', () =>
  inWorkshop(async ({ write, build }) => {
    await write({ 'm/x.yaml': '', 'm/y.txt': '', 'empty/': '' });
    await fails(build('FROM scratch\nAPP m local://m\n'), 'KUBEFILE_INVALID', /Kubefile:2:1: app m is neither a Helm chart/);
    await fails(build('FROM scratch\nLAUNCH m\n'), 'KUBEFILE_INVALID', /Kubefile:2:8: there is no app "m" here; its APP/);
    await fails(build('FROM scratch\nAPPENV m A=1\nAPP m local://m\n'), 'KUBEFILE_INVALID', /Kubefile:2:8: there is no app "m"/);
    await fails(
      build('FROM scratch\nAPP ../m local://m\n'),
      'KUBEFILE_INVALID',
      /Kubefile:2:5: "\.\.\/m" is not the name of an app/,
    );
    await fails(build('FROM scratch\nAPP e local://empty\n'), 'BUILD_INPUT_INVALID', /hold no file/);
    await fails(
      build('FROM scratch\nKUBEVERSION 1.2.three\n'),
      'KUBEFILE_INVALID',
      /Kubefile:2:13: "1.2.three" is not a constraint/,
    );
  }));

test('fetches URLs, keeps only the bytes that were asked for, and warns of what it cannot verify', () =>
  inWorkshop(async ({ build, rootfs, progress }) => {
    let served = 0;
    const server = createServer((request, response) => {
      served += 1;
      response.statusCode = request.url === '/missing' ? 404 : 200;
      response.end(request.url === '/app.yaml' ? 'kind: List\n' : 'tool');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const checksum = sha256Digest(Buffer.from('tool'));
    try {
      const kubefile = `FROM scratch\nARG V=1\nADD --chmod=755 --checksum=${checksum} ${origin}/tool-$V bin/\n`;
      const root = await rootfs(await build(kubefile));
      assert.equal((await execa('stat', ['-c', '%a', `${root}/bin/tool-1`])).stdout, '755');
      await build(kubefile);
      assert.equal(served, 1, 'a file that is there is not fetched again');
      await build(kubefile, { noCache: true });
      assert.equal(served, 2, 'but with noCache it is');
      const wrong = kubefile.replace(checksum, `sha256:${'0'.repeat(64)}`);
      await fails(build(wrong), 'BUILD_INPUT_INVALID', new RegExp(`has the digest ${checksum}; --checksum says sha256:0`));
      await fails(
        build(`FROM scratch\nADD --checksum=${checksum.replace(/.$/, 'g')} ${origin}/x y\n`),
        'KUBEFILE_INVALID',
        /Kubefile:2:16: --checksum=.* is not "sha256:"/,
      );
      await build(`FROM scratch\nAPP web ${origin}/app.yaml\n`);
      assert.match(
        progress.flatMap((each) => (each.kind === 'warning' ? each.message : [])).join('\n'),
        /app\.yaml is fetched unverified, over plain http; write --checksum=sha256:[0-9a-f]{64}/,
      );
      await fails(build(`FROM scratch\nAPP x ${origin}/missing\n`), 'BUILD_INPUT_INVALID', /missing answers 404/);
      await fails(build(`FROM scratch\nAPP x ${origin.replace('//', '//u:p@')}/a\n`), 'BUILD_INPUT_INVALID', /user or password/);
      await fails(build('FROM scratch\nAPP x http://127.0.0.1:1/a\n'), 'BUILD_INPUT_INVALID', /cannot be fetched/);
    } finally {
      server.close();
    }
  }));

test('gives everything to root, and warns where --chown asks for another owner', () =>
  inWorkshop(async ({ write, build, progress }) => {
    await write({ f: '' });
    const plain = await build('FROM scratch\nCOPY f f\n');
    assert.equal((await build('FROM scratch\nCOPY --chown=0:root f f\n')).layers[0]?.digest, plain.layers[0]?.digest);
    assert.equal(progress.filter(({ kind }) => kind === 'warning').length, 0);
    assert.equal((await build('FROM scratch\nCOPY --chown=nobody f f\n')).layers[0]?.digest, plain.layers[0]?.digest);
    assert.match(progress.map((each) => (each.kind === 'warning' ? each.message : '')).join(''), /--chown=nobody is not taken/);
  }));

test('makes every layer anew without cache, with the same digests', () =>
  inWorkshop(async ({ write, build }) => {
    await write({ f: '' });
    const first = await build('FROM scratch\nCOPY f f\n');
    const again = await build('FROM scratch\nCOPY f f\n', { noCache: true });
    assert.deepEqual([again.digest, again.layers[0]?.cached], [first.digest, false]);
  }));

test('takes SOURCE_DATE_EPOCH of the build arguments before that of the environment', () =>
  inWorkshop(async ({ build, store, progress }) => {
    process.env.SOURCE_DATE_EPOCH = '86400';
    try {
      await build('FROM scratch\n');
      assert.equal((await store.inspect('test')).config.created, '1970-01-02T00:00:00.000Z');
      await build('FROM scratch\n', { buildArgs: { SOURCE_DATE_EPOCH: '172800' } });
      assert.equal((await store.inspect('test')).config.created, '1970-01-03T00:00:00.000Z');
      await fails(build('FROM scratch\n', { buildArgs: { SOURCE_DATE_EPOCH: 'now' } }), 'USAGE', /SOURCE_DATE_EPOCH is "now"/);
      assert.equal(progress.filter(({ kind }) => kind === 'warning').length, 0);
    } finally {
      delete process.env.SOURCE_DATE_EPOCH;
    }
  }));

test(
  'runs a heredoc with an interpreter line as a program, outside and inside of a rootfs, and leaves nothing of it',
  needsRoot,
  () =>
    inWorkshop(async ({ build, rootfs }) => {
      const image = await build(
        'FROM scratch\nRUN <<EOF\n#!/bin/bash -e\nset -o pipefail\necho "a\\\nb" > made\necho \'x \\\' >> made\nEOF\n',
      );
      const root = await rootfs(image);
      assert.deepEqual(await filesOf(root), ['made']);
      assert.equal((await execa('cat', [`${root}/made`])).stdout, 'ab\nx \\');
    }),
);
