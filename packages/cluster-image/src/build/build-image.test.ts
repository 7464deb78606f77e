// biome-ignore-all lint/suspicious/noTemplateCurlyInString: Kubefiles write ${NAME} themselves
import assert from 'node:assert/strict';
import { chmod, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { execa } from 'execa';
import { readImageFacts } from '../rootfs/image-facts.ts';
import { openStore } from '../store/image-store.ts';
import { fails, filesOf, inWorkshop } from './test-workshop.ts';

test('copies as Docker does: contents of directories, files into directories, wildcards, heredocs', () =>
  inWorkshop(async ({ write, build, rootfs }) => {
    await write({ 'etc/a': '1', 'etc/sub/b': '2', 'one.txt': '3', 'two.txt': '4', 'empty/': '', 'name with blank': '5' });
    const image = await build(
      [
        'FROM scratch',
        'ARG WHERE=scripts',
        'COPY etc etc',
        'COPY one.txt renamed',
        'COPY one.txt two.txt dir/',
        'COPY *.txt etc/',
        'COPY one.txt etc',
        'COPY empty made',
        'COPY ["name with blank", "with blank/"]',
        'COPY <<run.sh ${WHERE}/',
        'echo ${ARCH} \\$HOME',
        'run.sh',
      ].join('\n'),
      { archs: ['arm64'] },
    );
    const root = await rootfs(image);
    assert.deepEqual(await filesOf(root), [
      'dir/one.txt',
      'dir/two.txt',
      'etc/a',
      'etc/one.txt',
      'etc/sub/b',
      'etc/two.txt',
      'renamed',
      'scripts/run.sh',
      'with blank/name with blank',
    ]);
    assert.equal(await readFile(join(root, 'scripts/run.sh'), 'utf8'), 'echo arm64 $HOME\n');
    assert.ok((await readdir(root)).includes('made'));
  }));

test('gives the same digests for the same context, whatever the times, the order and the store', () =>
  inWorkshop(async ({ write, build, context, directory }) => {
    await write({ 'b/x': '1', 'b/a': '2', 'b/m/n': '3', Metadata: '{}' });
    await symlink('x', join(context, 'b/link'));
    const kubefile = 'FROM scratch\nLABEL b=2 a=1\nENV X=1\nCOPY b b\nCOPY Metadata .\nCMD kubectl get nodes\n';
    const first = await build(kubefile);
    await utimes(join(context, 'b/x'), 5, 5);
    await rm(join(context, 'b/a'));
    await write({ 'b/a': '2' });
    const second = await build(kubefile, { store: await openStore(join(directory, 'other')) });
    assert.equal(second.digest, first.digest);
    assert.deepEqual(
      second.layers.map(({ cached }) => cached),
      [false, false],
    );
    const third = await build(kubefile);
    assert.deepEqual([third.digest, third.layers.map(({ cached }) => cached)], [first.digest, [true, true]]);
    assert.notEqual((await build(kubefile, { epochSeconds: 1 })).digest, first.digest);
  }));

test('makes only the layer anew whose files changed, also when it is not the last', () =>
  inWorkshop(async ({ write, build }) => {
    await write({ big: 'b', small: 's' });
    const kubefile = 'FROM scratch\nCOPY small small\nCOPY big big\n';
    const before = await build(kubefile);
    await write({ small: 'other' });
    const after = await build(kubefile);
    assert.deepEqual(
      after.layers.map(({ cached }) => cached),
      [false, true],
    );
    assert.equal(after.layers[1]?.digest, before.layers[1]?.digest);
  }));

test('keeps modes, and sets them with --chmod', () =>
  inWorkshop(async ({ write, build, rootfs, context }) => {
    await write({ 'd/run': '' });
    await chmod(join(context, 'd/run'), 0o750);
    await chmod(join(context, 'd'), 0o700);
    const root = await rootfs(await build('FROM scratch\nCOPY d a\nCOPY --chmod=644 d/run b/run\n'));
    const modes = (await execa('stat', ['-c', '%a', join(root, 'a'), join(root, 'a/run'), join(root, 'b/run')])).stdout;
    assert.equal(modes, '700\n750\n644');
  }));

test('leaves out what the ignore file says', () =>
  inWorkshop(async ({ write, build, rootfs }) => {
    await write({
      'keep/a': '',
      'keep/b.log': '',
      'node/x': '',
      'node/y': '',
      secret: '',
      '.sealignore': '# c\n**/*.log\nnode\n!node/y\n/secret\n.sealignore\n',
    });
    assert.deepEqual(await filesOf(await rootfs(await build('FROM scratch\nCOPY . .\n'))), ['keep/a', 'node/y']);
    await fails(build('FROM scratch\nCOPY secret x\n'), 'BUILD_INPUT_INVALID', /"secret" is left out by the ignore file/);
  }));

test('unpacks archives with ADD, safely, and copies other files', () =>
  inWorkshop(async ({ write, build, rootfs, context }) => {
    await write({ 'in/bin/tool': 't', 'plain.gz': 'no gzip at all' });
    await execa('tar', ['-C', join(context, 'in'), '-czf', join(context, 'cri.tar.gz'), '.']);
    const root = await rootfs(await build('FROM scratch\nADD cri.tar.gz cri\nADD plain.gz p\nCOPY cri.tar.gz raw/\n'));
    assert.deepEqual(await filesOf(root), ['cri/bin/tool', 'p', 'raw/cri.tar.gz']);
    await execa('tar', ['-C', context, '-Pcf', join(context, 'evil.tar'), '--transform', 's,^in,../../in,', 'in']);
    await fails(build('FROM scratch\nADD evil.tar x\n'), 'LAYER_HOSTILE', /Kubefile:2:5: .*evil\.tar/);
  }));

test('names file, line and the path looked for when a source cannot be used', () =>
  inWorkshop(async ({ write, build, context, directory }) => {
    await write({ f: '', 'd/g': '', 'd/.wh.x': '' });
    await writeFile(join(directory, 'outside'), 'secret');
    await symlink('../outside', join(context, 'leaving'));
    await symlink('/nowhere', join(context, 'broken'));
    await symlink('..', join(context, 'up'));
    const cases: [string, RegExp][] = [
      ['COPY missing x', /Kubefile:2:6: "missing" is not there \(looked for .*\/context\/missing\)/],
      ['COPY *.none x', /"\*\.none" is not there/],
      ['COPY ../outside x', /"\.\.\/outside" lies outside of the build context/],
      ['COPY leaving x', /leads outside of the build context, to .*\/outside/],
      ['COPY up/outside x', /leads outside/],
      ['COPY broken x', /link to nothing/],
      ['COPY f d x', /several sources need a directory/],
      ['COPY d x', /\.wh\./],
      ['COPY f x\nCOPY f x/y', /Kubefile:3:8: "\/x" is a file in the rootfs/],
      ['COPY <<A x/y\nA\nCOPY f x/y/', /"\/x\/y" is a file/],
    ];
    for (const [line, message] of cases) await fails(build(`FROM scratch\n${line}\n`), 'BUILD_INPUT_INVALID', message);
    await fails(
      build('FROM scratch\nCOPY f x\n', { context: join(directory, 'no') }),
      'BUILD_INPUT_INVALID',
      /context .*no" is not a directory/,
    );
    await fails(build('FROM scratch\n', { kubefile: join(directory, 'none') }), 'BUILD_INPUT_INVALID', /there is no Kubefile at/);
    await fails(
      build('FROM nothing:1\n'),
      'IMAGE_NOT_FOUND',
      /Kubefile:1:6: no image "nothing:1" in the store; the store is empty/,
    );
  }));

test('follows the links of the rootfs inside of it when it copies below them', () =>
  inWorkshop(async ({ write, build, rootfs, context }) => {
    await write({ 'base/usr/lib/x': '', tool: '' });
    await symlink('usr/lib', join(context, 'base/lib'));
    await symlink('/../../usr', join(context, 'base/abs'));
    const root = await rootfs(await build('FROM scratch\nCOPY base .\nCOPY tool lib/\nCOPY tool abs/bin/t\n'));
    assert.deepEqual(await filesOf(root), ['abs', 'lib', 'usr/bin/t', 'usr/lib/tool', 'usr/lib/x']);
  }));

test('takes over layers, environment, labels and commands of a base image', () =>
  inWorkshop(async ({ write, build, store }) => {
    await write({ a: '1', b: '2', Metadata: '{"version":"v1"}' });
    const base = await build(
      'FROM scratch\nENV A=1 PATHS=x\nLABEL l=1\nCOPY a a\nCOPY Metadata .\nCMDS ["one", "two"]\nMAINTAINER me\n',
      { reference: 'base:1' },
    );
    await build('ARG BASE=base\nFROM ${BASE}:1\nENV PATHS=$PATHS:y\nCOPY b b\nKUBEVERSION >=1.20\n', { reference: 'app' });
    const facts = await readImageFacts(store, 'app');
    assert.equal(facts.layers[0]?.digest, base.layers[0]?.digest);
    assert.deepEqual(facts.env, { A: '1', PATHS: 'x:y' });
    assert.deepEqual(facts.labels, {
      l: '1',
      'sealos.io.type': 'rootfs',
      'app.alpha.sealer.io/supported-kube-version': '>=1.20',
    });
    assert.deepEqual(
      [facts.cmds, facts.paths, facts.files],
      [['one', 'two'], ['Metadata', 'a', 'b'], { Metadata: '{"version":"v1"}' }],
    );
    await fails(
      build('FROM base:1\n', { archs: ['arm64'] }),
      'IMAGE_ARCH_MISMATCH',
      /base:1 is for linux\/amd64; linux\/arm64 was asked for/,
    );
    await fails(build('FROM --platform=linux/s390x base:1\n'), 'KUBEFILE_INVALID', /linux\/amd64 or linux\/arm64/);
  }));

test('gives ARGs their values as Docker does, and warns of those that nothing declares', () =>
  inWorkshop(async ({ build, store, progress }) => {
    await build('ARG V=1\nARG W=2\nFROM scratch\nARG V\nARG X=d\nLABEL v=$V w=$W x=$X arch=${ARCH}\n', {
      buildArgs: { X: 'given', NOPE: '' },
      archs: ['amd64'],
    });
    assert.deepEqual((await store.inspect('test')).labels, {
      v: '1',
      w: '',
      x: 'given',
      arch: 'amd64',
      'sealos.io.type': 'rootfs',
    });
    assert.deepEqual(
      progress.filter(({ kind }) => kind === 'warning'),
      [{ kind: 'warning', message: 'build argument NOPE is declared by no ARG' }],
    );
  }));
