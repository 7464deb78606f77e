import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { chooseTarget } from './choose-target.ts';
import type { Context } from './context.ts';
import { openContextStore } from './context-store.ts';

const root = await mkdtemp(join(tmpdir(), 'seal-contexts-'));
after(() => rm(root, { recursive: true }));
let count = 0;
const newStore = () => {
  count += 1;
  const directory = join(root, `store-${count}`, 'seal');
  return { directory, store: openContextStore(directory) };
};
const context = (name: string): Context => ({
  name,
  grpcAddress: '10.77.1.10:7443',
  httpsAddress: '10.77.1.10:7444',
  credentials: { caPem: 'ca', certificatePem: 'crt', keyPem: 'key' },
});
const mode = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);
const socket = '/nonexistent/server.sock';

test('a context is read back as it was written', async () => {
  const { store } = newStore();
  await store.write(context('lab'));
  assert.deepEqual(await store.read('lab'), context('lab'));
  assert.deepEqual(await store.list(), ['lab']);
});

test('directories are 0700 and files 0600', async () => {
  const { directory, store } = newStore();
  await store.write(context('lab'));
  await store.use('lab');
  const place = join(directory, 'contexts', 'lab');
  for (const path of [directory, join(directory, 'contexts'), place]) assert.equal(await mode(path), '700', path);
  for (const path of [join(directory, 'config.json'), join(place, 'client.key'), join(place, 'context.json')])
    assert.equal(await mode(path), '600', path);
});

test('a key that others may read is refused', async () => {
  const { directory, store } = newStore();
  await store.write(context('lab'));
  await chmod(join(directory, 'contexts/lab/client.key'), 0o644);
  await assert.rejects(store.read('lab'), { code: 'CONTEXT_INVALID', message: /client\.key may be read by others \(mode 0644/ });
});

test('removing the current context leaves none current', async () => {
  const { store } = newStore();
  await store.write(context('lab'));
  await store.use('lab');
  await store.remove('lab');
  assert.deepEqual([await store.current(), await store.list()], [undefined, []]);
});

test('a context that does not exist is named together with those that do', async () => {
  const { store } = newStore();
  await store.write(context('lab'));
  await assert.rejects(store.use('lap'), { code: 'CONTEXT_NOT_FOUND', message: 'there is no context "lap" (there are: lab)' });
});

for (const name of ['../x', '', 'a b', 'local', '-x'])
  test(`"${name}" cannot be the name of a context`, async () => {
    await assert.rejects(newStore().store.write(context(name)), { code: 'CONTEXT_INVALID' });
  });

test('the named context goes before the current one, the current one before the local socket', async () => {
  const { directory, store } = newStore();
  await store.write(context('a'));
  await store.write(context('b'));
  await store.use('a');
  await writeFile(join(directory, 'server.sock'), '');
  const local = join(directory, 'server.sock');
  assert.equal(contextOf(await chooseTarget({ store, context: 'b', socket: local })), 'b');
  assert.equal(contextOf(await chooseTarget({ store, socket: local })), 'a');
  await store.remove('a');
  assert.deepEqual(await chooseTarget({ store, socket: local }), {
    kind: 'local',
    grpcSocket: local,
    httpSocket: join(directory, 'http.sock'),
  });
  assert.equal(contextOf(await chooseTarget({ store, context: 'local', socket })), 'local socket');
});

test('with neither context nor socket, nothing says which server is meant', async () => {
  const { store, directory } = newStore();
  const serverUnit = join(dirname(directory), 'seal-server.service');
  const nothing = { code: 'SERVER_NOT_CHOSEN', message: /^no context is set/ };
  await assert.rejects(chooseTarget({ store, socket, serverUnit }), nothing);
  await mkdir(dirname(serverUnit), { recursive: true });
  await writeFile(serverUnit, '');
  await assert.rejects(chooseTarget({ store, socket, serverUnit }), {
    code: 'SERVER_NOT_CHOSEN',
    remedy: /systemctl start seal-server/,
  });
});

test('--server keeps the credentials of the context and changes the address', async () => {
  const { store } = newStore();
  await store.write(context('lab'));
  await store.use('lab');
  const addresses = async (server: string) => {
    const target = await chooseTarget({ store, server, socket });
    return target.kind === 'remote' ? [target.grpcAddress, target.httpsAddress] : [target.grpcSocket, target.httpSocket];
  };
  assert.deepEqual(await addresses('seal.example'), ['seal.example:7443', 'seal.example:7444']);
  assert.deepEqual(await addresses('10.0.0.1:9000'), ['10.0.0.1:9000', '10.0.0.1:9001']);
  assert.deepEqual(await addresses('[fd00::1]:9000'), ['[fd00::1]:9000', '[fd00::1]:9001']);
  assert.deepEqual(await addresses('unix:///tmp/x/server.sock'), ['/tmp/x/server.sock', '/tmp/x/http.sock']);
  for (const bad of ['https://x', 'a:b', 'x:99999', 'fd00::1']) await assert.rejects(addresses(bad), { code: 'USAGE' }, bad);
});

function contextOf(target: Awaited<ReturnType<typeof chooseTarget>>): string {
  return target.kind === 'remote' ? target.context : 'local socket';
}
