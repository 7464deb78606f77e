import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { buildImage } from '../build/build-image.ts';
import { unpackLayer } from '../rootfs/unpack-layer.ts';
import { openStore } from '../store/image-store.ts';
import { pushImage } from './push-image.ts';
import { registryHindrance, startTestRegistry } from './test-registry.ts';

/** What independent programs make of an image for two platforms that Seal built: the same files, and not one warning. */
const root = await mkdtemp(join(tmpdir(), 'seal-tools-'));
after(() => rm(root, { recursive: true, force: true }));
const store = await openStore(join(root, 'store'));
const archive = join(root, 'image.tar');
const name = 'localhost/demo:1';
const digests = { index: '', amd64: '', arm64: '' };
const own = process.arch === 'x64' ? 'amd64' : 'arm64';
const without = (tool: string, needsRoot = false) => {
  if (!existsSync(`/usr/bin/${tool}`)) return { skip: `SKIPPED: ${tool} is not installed (apt-get install ${tool})` };
  return needsRoot && process.getuid?.() !== 0 ? { skip: `SKIPPED: ${tool} needs root here` } : {};
};
const storage = ['--root', join(root, 'containers'), '--runroot', join(root, 'run'), '--storage-driver', 'vfs'];

/** Runs a tool with a home of its own; gives its stdout. What it says beside must hold no warning. */
function run(tool: string, ...args: string[]): string {
  const said = join(root, 'stderr');
  const line = 'said=$1; shift; exec "$@" 2>"$said"';
  const env = { PATH: process.env.PATH, HOME: root, XDG_RUNTIME_DIR: root };
  const read = () => (existsSync(said) ? execFileSync('cat', [said], { encoding: 'utf8' }) : '');
  try {
    const out = execFileSync('sh', ['-c', line, 'sh', said, tool, ...args], { encoding: 'utf8', env });
    assert.doesNotMatch(read(), /warn|error|level=|deprecat/i);
    return out;
  } catch (cause) {
    if ((cause as { status?: number }).status === undefined) throw cause;
    throw new Error(`${tool} ${args.join(' ')} failed:\n${read()}`, { cause });
  }
}

/** Every path with its kind, mode and content or target. */
async function filesOf(directory: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const mode = ((await lstat(path)).mode & 0o7777).toString(8);
    const what = entry.isSymbolicLink() ? `-> ${await readlink(path)}` : entry.isFile() ? await readFile(path, 'utf8') : '/';
    files[path.slice(directory.length + 1)] = entry.isSymbolicLink() ? what : `${mode} ${what}`;
  }
  return files;
}

let expected: Record<string, string> = {};

before(async () => {
  const context = join(root, 'context');
  await mkdir(join(context, 'amd64'), { recursive: true });
  await mkdir(join(context, 'arm64'));
  for (const [file, text] of Object.entries({ 'amd64/tool': 'a', 'arm64/tool': 'b', motd: 'hello', 'init.sh': '#!/bin/sh\n' }))
    await writeFile(join(context, file), text);
  const kubefile = [
    'FROM scratch',
    'LABEL cluster.alpha.sealer.io/cluster-runtime-type=kubernetes',
    'ENV A=1',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a Kubefile writes it so
    'COPY ${ARCH}/tool bin/tool',
    'COPY --chmod=755 init.sh scripts/',
    'COPY motd etc/motd',
    'CMD ["echo ready"]',
  ].join('\n');
  await writeFile(join(context, 'Kubefile'), kubefile);
  const built = await buildImage({ context, reference: name, store, archs: ['amd64', 'arm64'] });
  digests.index = built.digest;
  for (const { arch, digest } of built.images) digests[arch] = digest;
  const rootfs = join(root, 'own');
  for (const { digest, mediaType } of (await store.inspect(name)).manifest.layers) {
    const target = join(root, 'layers', digest);
    await unpackLayer({ path: store.blobPath(digest), mediaType }, target, { durable: false });
    execFileSync('cp', ['-aT', target, rootfs]);
  }
  expected = await filesOf(rootfs);
  assert.equal(Object.keys(expected).length, 6);
  await store.save(name, archive);
});

test('skopeo reads the store itself, and an archive, with every platform', without('skopeo'), () => {
  const [first] = JSON.parse(run('skopeo', 'inspect', '--raw', `oci:${store.directory}:${name}`)).manifests;
  assert.equal(first.digest, digests.amd64);
  const seen = JSON.parse(run('skopeo', 'inspect', '--override-arch=arm64', `oci-archive:${archive}`));
  assert.deepEqual([seen.Architecture, seen.Env, seen.Layers.length], ['arm64', ['A=1'], 3]);
});

test('skopeo copies the whole index without altering a digest', without('skopeo'), async () => {
  run('skopeo', 'copy', '--all', '--preserve-digests', `oci-archive:${archive}`, `oci:${join(root, 'layout')}:demo`);
  const { manifests } = JSON.parse(await readFile(join(root, 'layout/index.json'), 'utf8'));
  assert.equal(manifests[0].digest, digests.index);
  const [loaded] = await (await openStore(join(root, 'loaded'))).load(archive);
  assert.equal(loaded?.digest, digests.index);
});

test('umoci unpacks the same files', without('umoci', true), async () => {
  await store.save(name, join(root, 'one.tar'), 'oci-archive', own);
  await mkdir(join(root, 'umoci'));
  execFileSync('tar', ['-xf', join(root, 'one.tar'), '-C', join(root, 'umoci')]);
  run('umoci', 'unpack', '--image', `${join(root, 'umoci')}:${name}`, join(root, 'bundle'));
  assert.deepEqual(await filesOf(join(root, 'bundle/rootfs')), expected);
  const { process: started } = JSON.parse(await readFile(join(root, 'bundle/config.json'), 'utf8'));
  assert.deepEqual([started.args, started.env.includes('A=1')], [['echo ready'], true]);
});

test('buildah makes a container from it with the same files', without('buildah', true), async () => {
  const container = run('buildah', ...storage, 'from', '--quiet', `oci-archive:${archive}`).trim();
  const mounted = run('buildah', ...storage, 'mount', container).trim();
  assert.deepEqual(await filesOf(mounted), expected);
  const [line = ''] = run(
    'buildah',
    ...storage,
    'inspect',
    '--format',
    '{{index .OCIv1.Config.Labels "sealos.io.type"}}',
    container,
  ).split('\n');
  assert.equal(line, 'rootfs');
  run('buildah', ...storage, 'umount', container);
  run('buildah', ...storage, 'rm', container);
});

test('podman pulls what Seal pushed, and loads what it saved as a docker-archive', {
  ...without('podman', true),
  ...(registryHindrance ? { skip: registryHindrance } : {}),
}, async () => {
  await using registry = await startTestRegistry();
  const destination = `${registry.host}/team/demo:1`;
  await pushImage(store, name, { env: {}, home: root, insecure: true, destination });
  run('podman', ...storage, 'pull', '--quiet', '--tls-verify=false', `docker://${destination}`);
  const [image] = JSON.parse(run('podman', ...storage, 'image', 'inspect', destination));
  assert.deepEqual([image.Architecture, image.Labels['sealos.io.type']], [own, 'rootfs']);
  assert.ok([digests[own], digests.index].includes(image.Digest), image.Digest);
  const file = join(root, 'docker.tar');
  await store.save(name, file, 'docker-archive', own);
  assert.match(run('podman', ...storage, 'load', '--quiet', '-i', file), /localhost\/demo:1/);
  run('podman', ...storage, 'save', '--quiet', '--format', 'docker-archive', '-o', join(root, 'back.tar'), name);
  const other = await openStore(join(root, 'back'));
  const [loaded] = await other.load(join(root, 'back.tar'));
  const layers = async (from: typeof store) => (await from.inspect(name, own)).manifest.layers.map(({ digest }) => digest);
  assert.equal(loaded?.reference, name);
  assert.deepEqual(await layers(other), await layers(store));
});
