import assert from 'node:assert/strict';
import { chmod, lstat, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Problem } from '@seal/foundation';
import { renderTemplate, renderTemplates } from './render-templates.ts';

async function inRootfs(work: (rootfs: string) => Promise<void>): Promise<void> {
  const rootfs = await mkdtemp(join(tmpdir(), 'seal-templates-'));
  try {
    await work(rootfs);
  } finally {
    await rm(rootfs, { recursive: true, force: true });
  }
}

test('replaces names by their values, trims where asked, leaves everything else', () => {
  const env = { HostIP: '10.0.0.1', Empty: '' };
  assert.equal(
    renderTemplate('ip={{ .HostIP }}:{{.HostIP}} {{ .Empty }}| $HostIP }}', env, 'f'),
    'ip=10.0.0.1:10.0.0.1 | $HostIP }}',
  );
  assert.equal(renderTemplate('a \n{{- .HostIP -}}\n b', env, 'f'), 'a10.0.0.1b');
  assert.equal(renderTemplate('a{{/* why */}}b', env, 'f'), 'ab');
  assert.equal(renderTemplate('{{ .HostIP }}', { HostIP: '{{ .Other }}' }, 'f'), '{{ .Other }}', 'values are not rendered again');
});

test('names file, line and variable of what it cannot render', () => {
  for (const [template, expected] of [
    ['a\n{{ .Missing }}', /^etc\/x\.tmpl:2: the variable Missing has no value/],
    ['{{ if .A }}x{{ end }}', /^etc\/x\.tmpl:1: "\{\{ if \.A \}\}" is not supported/],
    ['\n\n{{ .A', /^etc\/x\.tmpl:3: "\{\{" is never closed/],
    ['{{ .constructor }}', /constructor has no value/],
  ] as const) {
    assert.throws(
      () => renderTemplate(template, {}, 'etc/x.tmpl'),
      (thrown) => thrown instanceof Problem && thrown.code === 'TEMPLATE_INVALID' && expected.test(thrown.message),
      template,
    );
  }
});

test('renders the templates of the four directories with their modes, and no others', () =>
  inRootfs(async (rootfs) => {
    for (const path of ['etc/deep', 'scripts', 'bin']) await mkdir(join(rootfs, path), { recursive: true });
    await writeFile(join(rootfs, 'etc/deep/a.conf.tmpl'), 'ip {{ .IP }}\n');
    await writeFile(join(rootfs, 'scripts/run.sh.tmpl'), 'echo {{ .IP }}\n');
    await chmod(join(rootfs, 'scripts/run.sh.tmpl'), 0o755);
    await writeFile(join(rootfs, 'bin/x.tmpl'), '{{ .Unknown }}');
    assert.deepEqual(await renderTemplates(rootfs, { IP: '1.2.3.4' }), ['etc/deep/a.conf', 'scripts/run.sh']);
    assert.equal(await readFile(join(rootfs, 'etc/deep/a.conf'), 'utf8'), 'ip 1.2.3.4\n');
    assert.equal((await stat(join(rootfs, 'scripts/run.sh'))).mode & 0o777, 0o755);
  }));

test('writes nothing when one template of several is wrong', () =>
  inRootfs(async (rootfs) => {
    await mkdir(join(rootfs, 'etc'));
    await writeFile(join(rootfs, 'etc/a.tmpl'), 'fine');
    await writeFile(join(rootfs, 'etc/b.tmpl'), '{{ .No }}');
    await assert.rejects(renderTemplates(rootfs, {}), /b\.tmpl:1/);
    await assert.rejects(stat(join(rootfs, 'etc/a')), { code: 'ENOENT' });
  }));

test('follows no link of the image out of the rootfs', () =>
  inRootfs(async (rootfs) => {
    const outside = await mkdtemp(join(tmpdir(), 'seal-outside-'));
    await writeFile(join(outside, 'a.tmpl'), 'x');
    await symlink(outside, join(rootfs, 'etc'));
    await mkdir(join(rootfs, 'scripts'));
    await symlink(join(outside, 'a.tmpl'), join(rootfs, 'scripts/l.tmpl'));
    await writeFile(join(rootfs, 'scripts/b.tmpl'), 'mine');
    await symlink(join(outside, 'victim'), join(rootfs, 'scripts/b'));
    assert.deepEqual(await renderTemplates(rootfs, {}), ['scripts/b']);
    assert.ok((await lstat(join(rootfs, 'scripts/b'))).isFile());
    await assert.rejects(stat(join(outside, 'victim')), { code: 'ENOENT' });
    await assert.rejects(stat(join(outside, 'a')), { code: 'ENOENT' });
    await rm(outside, { recursive: true });
  }));
