import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { registryHindrance, startTestRegistry } from '@seal/cluster-image/test-registry';
import { capturedRun } from '../captured-run.ts';

const root = await mkdtemp(join(tmpdir(), 'sealctl-registry-'));
after(() => rm(root, { recursive: true, force: true }));
const store = join(root, 'store');
const run = (line: string, options: Parameters<typeof capturedRun>[1] = {}) =>
  capturedRun(line.split(' '), { home: root, ...options });

before(async () => {
  const context = join(root, 'context');
  await mkdir(context);
  await writeFile(join(context, 'motd'), 'hello\n');
  await writeFile(join(context, 'Kubefile'), 'FROM scratch\nCOPY motd etc/motd\n');
  assert.equal((await run(`build -t demo:1 --store ${store} ${context}`)).code, 0);
});

test('push and pull of a name without registry say how to name one, and how to send to the server', async () => {
  const pushed = await run(`push demo:1 --store ${store}`);
  assert.equal(pushed.code, 3);
  assert.match(pushed.stderr, /^IMAGE_REFERENCE_INVALID: "localhost\/demo:1" names no registry.*\n.*--remote/);
  assert.equal((await run(`pull demo:1 --store ${store}`)).code, 3);
  assert.equal((await run(`push nothing:1 --store ${store}`)).code, 4);
  assert.equal((await run(`push demo:1 r.example/demo:1 --remote --store ${store}`)).code, 2);
});

test('login of an argument that is no file and looks like a bundle is about the bundle; like a host, about a registry', async () => {
  assert.match((await run('login ada.seal')).stderr, /^FILE_UNUSABLE: cannot read ada\.seal/);
  assert.match((await run('login registry.example')).stderr, /^USAGE: there is no terminal to ask for the user name/);
  assert.match((await run('login https://registry.example -u ada')).stderr, /^USAGE: .*is not the HOST\[:PORT\]/);
  assert.match((await run('login registry.example -u ada')).stderr, /^USAGE: there is no terminal to ask for the password/);
  assert.equal((await run('logout registry.example')).code, 0);
});

test('a platform that is none is USAGE, and so are all platforms and some at once', async () => {
  assert.equal((await run(`pull r.example/x:1 --platform linux/amd64 --all-platforms --store ${store}`)).code, 2);
  assert.equal((await run(`pull r.example/x:1 --platform linux/amd64, --store ${store}`)).code, 2);
  assert.equal((await run(`pull r.example/x:1 --platform windows/amd64 --store ${store}`)).code, 2);
});

describe('with a registry that wants a password', { skip: registryHindrance }, async () => {
  if (registryHindrance) return;
  const registry = await startTestRegistry({ tls: true, htpasswd: true });
  after(() => registry[Symbol.asyncDispose]());
  const name = `${registry.host}/team/demo:1`;
  const ca = `--ca ${registry.caFile}`;

  test('push before login says who was tried and how to log in, with exit code 6', async () => {
    const { code, stderr } = await run(`push demo:1 ${name} ${ca} --store ${store}`);
    assert.equal(code, 6);
    assert.match(stderr, /^REGISTRY_UNAUTHORIZED: .*repository team\/demo .*tried: none .*\n.*sealctl registry login 127/);
  });

  test('login asks unseen or reads stdin; a wrong password is kept nowhere', async () => {
    const wrong = await run(`registry login ${registry.host} -u ada --password-stdin ${ca}`, { input: 'wrong\n' });
    assert.equal(wrong.code, 6);
    assert.match((await run(`logout ${registry.host}`)).stderr, /^Nobody was logged in/);
    const asked = await run(`login ${registry.host} ${ca}`, { answers: ['ada', 'lovelace'] });
    assert.equal(asked.code, 0, asked.stderr);
    assert.deepEqual(asked.questions, [`User name for ${registry.host}: `, `Password of ada at ${registry.host}: `]);
    assert.match(asked.stderr, /^Logged in to .* as ada; kept in .*config\.json \(not encrypted\)\.\n$/);
    assert.doesNotMatch(asked.stderr + asked.stdout, /lovelace/);
  });

  test('push, then pull under another name; a second time nothing moves', async () => {
    const pushed = await run(`push demo:1 ${name} ${ca} --store ${store}`);
    assert.equal(pushed.code, 0, pushed.stderr);
    assert.match(pushed.stdout, /^sha256:[0-9a-f]{64}\n$/);
    assert.match((await run(`push demo:1 ${name} ${ca} --store ${store}`)).stderr, /: no blob had to be sent\n$/);
    const other = `--store ${join(root, 'other')}`;
    const pulled = await run(`pull ${name} --name app:2 ${ca} ${other}`);
    assert.equal(pulled.stdout, pushed.stdout, pulled.stderr);
    assert.match((await run(`pull ${name} ${ca} ${other}`)).stderr, /: everything was here\n$/);
    const { stdout } = await run(`images ${other} -o json`);
    assert.deepEqual(
      JSON.parse(stdout).map((image: { reference: string }) => image.reference),
      [name, 'localhost/app:2'],
    );
    const missing = await run(`pull ${registry.host}/team/demo:9 ${ca} ${other}`);
    assert.deepEqual([missing.code, missing.stderr.split(':')[0]], [4, 'IMAGE_NOT_FOUND']);
  });

  test("push sends every platform of an image, pull takes this machine's, some or all of them", async () => {
    const context = join(root, 'context');
    const both = `${registry.host}/team/both:1`;
    assert.equal((await run(`build -t ${both} --platform linux/amd64,linux/arm64 --store ${store} ${context}`)).code, 0);
    const pushed = await run(`push ${both} ${ca} --store ${store}`);
    assert.match(pushed.stderr, /^pushed 127.*both:1 \(linux\/amd64, linux\/arm64\): .* in 3 blobs\n$/);
    const all = await run(`pull ${both} --all-platforms ${ca} --store ${join(root, 'all')}`);
    assert.equal(all.stdout, pushed.stdout, all.stderr);
    const arm = await run(`pull ${both} --platform arm64 ${ca} --store ${join(root, 'arm')}`);
    assert.match(arm.stderr, /^pulled 127.*both:1 \(linux\/arm64\) from /);
    const one = await run(`push ${both} ${registry.host}/team/arm:1 --platform arm64 ${ca} --store ${store} -o json`);
    assert.equal(JSON.parse(one.stdout).digest, arm.stdout.trim());
    assert.match((await run(`pull ${both} --platform s390x ${ca} --store ${store}`)).stderr, /^IMAGE_ARCH_MISMATCH: /);
    assert.equal((await run(`rmi ${both} --store ${store}`)).code, 0);
  });

  test('--insecure is said aloud, also with --quiet', async () => {
    const { code, stderr } = await run(`-q pull ${name} --insecure --store ${join(root, 'third')}`);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^warning: insecure: the certificate of the registry 127.* is not verified\n$/);
  });

  test('the sealctl program itself reads the password from a pipe', async () => {
    const main = new URL('../main.ts', import.meta.url).pathname;
    const env = { PATH: process.env.PATH, HOME: join(root, 'piped') };
    const args = [main, 'registry', 'login', registry.host, '-u', 'ada', '--password-stdin', '--ca', registry.caFile];
    execFileSync(process.execPath, args, { input: 'lovelace\n', env, stdio: 'pipe' });
    assert.match(await readFile(join(root, 'piped/.docker/config.json'), 'utf8'), new RegExp(btoa('ada:lovelace')));
  });

  test('logout forgets', async () => {
    assert.match((await run(`registry logout ${registry.host}`)).stderr, /^Logged out of .*config\.json\.\n$/);
    assert.equal((await run(`pull ${name} ${ca} --store ${join(root, 'fourth')}`)).code, 6);
  });
});
