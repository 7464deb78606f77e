import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Problem } from '@seal/foundation';
import { parseChallenges } from './challenge.ts';
import { findCredential } from './find-credential.ts';
import { forgetCredential, keepCredential } from './keep-credential.ts';
import { connectRegistry } from './registry-connection.ts';
import { type DoubleAnswer, startRegistryDouble } from './registry-double.ts';
import { registryEndpoints } from './registry-settings.ts';

const root = await mkdtemp(join(tmpdir(), 'seal-token-'));
after(() => rm(root, { recursive: true, force: true }));
let count = 0;
async function freshOptions(config?: object) {
  count += 1;
  const home = join(root, `home-${count}`);
  await mkdir(join(home, '.docker'), { recursive: true });
  if (config) await writeFile(join(home, '.docker/config.json'), JSON.stringify(config));
  return { env: { PATH: `${root}:${process.env.PATH}` }, home, insecure: true, retryMilliseconds: 1, tries: 2 };
}

/** A double of a hub-like registry with its token server: a token is good for `uses` requests of its scope. */
function hubDouble(uses = Number.POSITIVE_INFINITY) {
  const left = new Map<string, number>();
  let made = 0;
  return startRegistryDouble((request, host) => {
    if (request.url.pathname === '/token') {
      const scopes =
        request.method === 'POST'
          ? new URLSearchParams(request.body.toString()).get('scope')
          : request.url.searchParams.getAll('scope').join(' ');
      const shown = request.headers.authorization;
      const mayWrite = shown === `Basic ${btoa('ada:lovelace')}` || request.body.includes('refresh_token=refresh-1');
      if ((shown !== undefined && !mayWrite) || (scopes?.includes('push') && !mayWrite)) return { status: 401 };
      made += 1;
      left.set(`Bearer token-${made} ${scopes}`, uses);
      return { status: 200, body: JSON.stringify({ token: `token-${made}`, expires_in: 60 }) };
    }
    const scope = `repository:team/app:${request.method === 'GET' ? 'pull' : 'pull,push'}`;
    const key = `${request.headers.authorization} ${scope}`;
    const rest = left.get(key) ?? 0;
    left.set(key, rest - 1);
    if (rest > 0) return { status: 200 };
    const challenge = `Bearer realm="http://${host}/token",service="hub, of tests",scope="${scope}"`;
    return { status: 401, headers: { 'www-authenticate': challenge } };
  });
}

async function ask(host: string, method: 'GET' | 'POST', options: Awaited<ReturnType<typeof freshOptions>>, times = 1) {
  const [endpoint] = await registryEndpoints(host, options, false);
  assert.ok(endpoint);
  const connection = await connectRegistry(endpoint, 'team/app', options);
  try {
    for (let time = 0; time < times; time += 1) {
      const scope = `repository:team/app:${method === 'GET' ? 'pull' : 'pull,push'}`;
      (await connection.request({ method, target: '/v2/team/app/x', scope })).body.resume();
    }
  } finally {
    connection.close();
  }
}
const tokenRequests = (double: { requests: readonly { url: URL }[] }) =>
  double.requests.filter(({ url }) => url.pathname === '/token');

test('an anonymous token is fetched once for a scope and used again', async () => {
  await using hub = await hubDouble();
  await ask(hub.host, 'GET', await freshOptions(), 3);
  const [request, ...more] = tokenRequests(hub);
  assert.equal(more.length, 0);
  assert.deepEqual(Object.fromEntries(request?.url.searchParams ?? []), {
    service: 'hub, of tests',
    scope: 'repository:team/app:pull',
  });
});

test('a token that ran out is replaced in the middle of the work', async () => {
  await using hub = await hubDouble(2);
  await ask(hub.host, 'GET', await freshOptions(), 5);
  assert.equal(tokenRequests(hub).length, 3);
});

test('name and password of the Docker configuration go to the token server only', async () => {
  await using hub = await hubDouble();
  await ask(hub.host, 'POST', await freshOptions({ auths: { [`https://${hub.host}/v1/`]: { auth: btoa('ada:lovelace') } } }));
  for (const { url, headers } of hub.requests)
    assert.equal(headers.authorization?.startsWith('Basic') ?? false, url.pathname === '/token', url.href);
});

test('an identity token is exchanged as OAuth wants it', async () => {
  await using hub = await hubDouble();
  await ask(
    hub.host,
    'POST',
    await freshOptions({ auths: { [hub.host]: { auth: btoa('00000000:'), identitytoken: 'refresh-1' } } }),
  );
  const [request] = tokenRequests(hub);
  assert.equal((request as unknown as { method: string }).method, 'POST');
});

test('what the token server refuses is REGISTRY_UNAUTHORIZED with registry, scope and source of the credentials', async () => {
  await using hub = await hubDouble();
  const options = await freshOptions({ auths: { [hub.host]: { auth: btoa('eve:s3cret-word') } } });
  await assert.rejects(ask(hub.host, 'GET', options), (thrown: Problem) => {
    assert.equal(thrown.code, 'REGISTRY_UNAUTHORIZED');
    assert.match(thrown.message, /repository:team\/app:pull.*tried: user eve of .*config\.json/);
    assert.doesNotMatch(JSON.stringify(thrown) + thrown.stack, /s3cret-word|ZXZlO/);
    return true;
  });
  await assert.rejects(ask(hub.host, 'POST', await freshOptions()), /tried: none \(anonymous/);
});

test('a token server of another kind of address, or that answers nonsense, is REGISTRY_PROTOCOL', async () => {
  for (const realm of ['file:///etc/passwd', 'http://u:p@127.0.0.1/', 'nonsense', '']) {
    await using hub = await startRegistryDouble(({ url }) =>
      url.pathname === '/v2/' ? { status: 200 } : { status: 401, headers: { 'www-authenticate': `Bearer realm="${realm}"` } },
    );
    await assert.rejects(ask(hub.host, 'GET', await freshOptions()), { code: 'REGISTRY_PROTOCOL' }, realm);
  }
  for (const body of ['[]', '{}', '{"token":"a\\r\\nb"}', 'x'.repeat(300_000)]) {
    await using hub = await startRegistryDouble(({ url }, host) =>
      url.pathname === '/token'
        ? { status: 200, body }
        : { status: 401, headers: { 'www-authenticate': `Bearer realm="http://${host}/token"` } },
    );
    await assert.rejects(ask(hub.host, 'GET', await freshOptions()), { code: 'REGISTRY_PROTOCOL' }, body.slice(0, 30));
  }
});

test('credentials do not follow a redirect to another host', async () => {
  await using other = await startRegistryDouble(() => ({ status: 200 }));
  await using registry = await startRegistryDouble(({ url, headers }): DoubleAnswer => {
    if (headers.authorization === undefined) return { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } };
    return { status: 307, headers: { location: `http://${other.host}${url.pathname}` } };
  });
  await ask(registry.host, 'GET', await freshOptions({ auths: { [registry.host]: { auth: btoa('ada:lovelace') } } }));
  assert.equal(other.requests.length, 1);
  assert.equal(other.requests[0]?.headers.authorization, undefined);
});

test('challenges are read with quotes, several at once, and with nonsense between', () => {
  assert.deepEqual(parseChallenges('Bearer realm="https://a/t",service="a, b",scope="x:y:pull,push"'), [
    { scheme: 'bearer', parameters: { realm: 'https://a/t', service: 'a, b', scope: 'x:y:pull,push' } },
  ]);
  assert.deepEqual(
    parseChallenges('Negotiate, Basic realm="q\\"q", Bearer realm=z').map(({ scheme, parameters }) => [scheme, parameters.realm]),
    [
      ['negotiate', undefined],
      ['basic', 'q"q'],
      ['bearer', 'z'],
    ],
  );
  assert.deepEqual(parseChallenges('"""'), []);
});

test('the most exact key of the files wins: repository, its parents, the registry', async () => {
  const auth = (name: string) => ({ auth: btoa(`${name}:x`) });
  const options = await freshOptions({
    auths: {
      'r.example/team/app': auth('exact'),
      'r.example/team': auth('team'),
      'https://r.example/v2/': auth('host'),
      'https://index.docker.io/v1/': auth('hub'),
    },
  });
  const user = async (registry: string, repository: string) => (await findCredential(registry, repository, options))?.username;
  assert.equal(await user('r.example', 'team/app'), 'exact');
  assert.equal(await user('r.example', 'team/other'), 'team');
  assert.equal(await user('r.example', 'teams'), 'host');
  assert.equal(await user('docker.io', 'library/nginx'), 'hub');
  assert.equal(await user('other.example', 'x'), undefined);
});

test("Podman's file goes before Docker's; REGISTRY_AUTH_FILE is the only one where it is set", async () => {
  const base = await freshOptions({ auths: { r: { auth: btoa('docker:x') } } });
  const runtime = join(base.home, 'run');
  await mkdir(join(runtime, 'containers'), { recursive: true });
  await writeFile(join(runtime, 'containers/auth.json'), JSON.stringify({ auths: { r: { auth: btoa('podman:x') } } }));
  await writeFile(join(base.home, 'only.json'), '{}');
  const user = async (env: Record<string, string>) => (await findCredential('r', '', { ...base, env }))?.username;
  assert.equal(await user({}), 'docker');
  assert.equal(await user({ XDG_RUNTIME_DIR: runtime }), 'podman');
  assert.equal(await user({ REGISTRY_AUTH_FILE: join(base.home, 'only.json') }), undefined);
});

test('a credential helper keeps, gives and erases; other settings of the file stay', async () => {
  const program = join(root, 'docker-credential-testbox');
  await writeFile(
    program,
    `#!/bin/sh
box="${root}/box"
case "$1" in
  store) cat > "$box" ;;
  get) read -r url; grep -q "$url" "$box" 2>/dev/null || { echo "credentials not found in native keychain"; exit 1; }; cat "$box" ;;
  erase) rm "$box" ;;
esac
`,
  );
  await chmod(program, 0o755);
  const options = await freshOptions({ credHelpers: { 'r.example': 'testbox' }, detachKeys: 'ctrl-x' });
  assert.equal(
    await keepCredential('r.example', { username: 'ada', password: 'lovelace' }, options),
    'docker-credential-testbox',
  );
  const file = await readFile(join(options.home, '.docker/config.json'), 'utf8');
  assert.doesNotMatch(file, /lovelace|"auth":/);
  assert.equal(JSON.parse(file).detachKeys, 'ctrl-x');
  const found = await findCredential('r.example', 'x', options);
  assert.deepEqual([found?.username, found?.password], ['ada', 'lovelace']);
  assert.doesNotMatch(found?.source ?? '', /lovelace/);
  assert.deepEqual((await forgetCredential('r.example', options))[0], 'docker-credential-testbox');
  assert.equal(await findCredential('r.example', 'x', options), undefined);
  const missing = await freshOptions({ credsStore: 'nowhere' });
  await assert.rejects(findCredential('r.example', 'x', missing), { code: 'REGISTRY_CONFIG_INVALID' });
});

test('a broken file of credentials or settings is REGISTRY_CONFIG_INVALID; the message quotes nothing of the credentials', async () => {
  const options = await freshOptions();
  await writeFile(join(options.home, '.docker/config.json'), '{"auths": {"r": {"auth": "c2VjcmV0"');
  await assert.rejects(findCredential('r', '', options), (thrown: Problem) => {
    assert.equal(thrown.code, 'REGISTRY_CONFIG_INVALID');
    assert.doesNotMatch(thrown.message + JSON.stringify(thrown), /c2VjcmV0/);
    return true;
  });
  const settingsFile = join(root, 'broken.yaml');
  for (const text of [
    'registries: {r: {mirors: []}}',
    'registries: [',
    'registries: {r: {mirrors: ["bad host/x"]}}',
    'registries: {r: {ca: /nowhere}}',
  ]) {
    await writeFile(settingsFile, text);
    await assert.rejects(registryEndpoints('r', { ...options, settingsFile }, true), { code: 'REGISTRY_CONFIG_INVALID' }, text);
  }
});
