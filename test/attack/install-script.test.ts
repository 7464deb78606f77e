import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { installCommand } from '../../server/src/http/install-command.ts';
import { type AttackedServer, withAttackedServer } from './attacked-server.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** An archive as releases have it, of which the agent runs from the sources. */
async function serveAgent(server: AttackedServer): Promise<void> {
  const tree = join(server.folder, 'agent');
  mkdirSync(tree);
  mkdirSync(server.agentsDirectory);
  writeFileSync(join(tree, 'node'), `#!/bin/sh\nexec '${process.execPath}' --disable-warning=ExperimentalWarning "$@"\n`);
  chmodSync(join(tree, 'node'), 0o755);
  writeFileSync(join(tree, 'seal-agent.mjs'), `await import('${root}/agent/src/main.ts');\n`);
  writeFileSync(join(tree, 'seal-agent.service'), readFileSync(join(root, 'systemd/seal-agent.service')));
  const arch = process.arch === 'arm64' ? 'arm64' : 'amd64';
  const archive = join(server.agentsDirectory, `linux-${arch}.tar.gz`);
  await execa('tar', ['-czf', archive, '-C', tree, '.']);
  writeFileSync(`${archive}.sha256`, `${createHash('sha256').update(readFileSync(archive)).digest('hex')}\n`);
}

/** A file system root to install into. */
class Destination {
  readonly path = mkdtempSync(join(tmpdir(), 'seal-destdir-'));

  /** Runs the install command as pasted, with arguments for the script. */
  async paste(command: string, ...args: string[]) {
    assert.match(command, / sh$/);
    const line = `${command} -s -- --destdir ${this.path} ${args.join(' ')}`;
    return execa('dash', ['-c', line], { reject: false, env: { TMPDIR: tmpdir() } });
  }

  has(path: string): boolean {
    return existsSync(join(this.path, path));
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }
}

function commandOf(server: AttackedServer, token: string, serverSpkiPin = server.identity.serverSpkiPin): string {
  return installCommand({ server: server.address, serverSpkiPin, token });
}

const agent = 'usr/local/lib/seal/agent';

describe('install script', () => {
  it('makes a node of a host by the line that the server prints, and keeps it when it is pasted again', () =>
    withAttackedServer(async (server) => {
      await serveAgent(server);
      using host = new Destination();
      const command = commandOf(server, (await server.token()).value);
      const first = await host.paste(command, '--node-name', 'h1');
      assert.equal(first.exitCode, 0, first.stderr);
      assert.match(first.stdout, /this host is the node h1 \(node-/);
      assert.equal(statSync(join(host.path, 'var/lib/seal/agent/identity/node.key')).mode & 0o777, 0o600);
      assert.equal(statSync(join(host.path, 'var/lib/seal')).mode & 0o777, 0o755);
      for (const path of [agent, 'usr/local/bin/seal-agent', 'etc/systemd/system/seal-agent.service'])
        assert.ok(host.has(path), path);
      const certificate = readFileSync(join(host.path, 'var/lib/seal/agent/identity/node.crt'), 'utf8');

      const again = await host.paste(command);
      assert.equal(again.exitCode, 0, again.stderr);
      assert.match(again.stdout, /already the node h1/);
      const upgrade = await host.paste(command.replace(/SEAL_TOKEN=\S+ /, ''));
      assert.equal(upgrade.exitCode, 0, upgrade.stderr);
      assert.equal(readFileSync(join(host.path, 'var/lib/seal/agent/identity/node.crt'), 'utf8'), certificate);
      assert.equal(server.nodes.list().length, 1);

      const gone = await host.paste(command, '--uninstall');
      assert.equal(gone.exitCode, 0, gone.stderr);
      assert.deepEqual(filesBelow(host.path), []);
    }));

  it('refuses a wrong pin of the CA and installs nothing', () =>
    withAttackedServer((server) =>
      withAttackedServer(async (other) => {
        await serveAgent(server);
        using host = new Destination();
        const { value } = await other.token();
        const result = await host.paste(commandOf(server, value), '--server', server.address);
        assert.equal(result.exitCode, 6);
        assert.match(result.stderr, /PIN_MISMATCH/);
        assert.deepEqual(filesBelow(host.path), []);
      }),
    ));

  it('tells its options behind the line that the server prints', () =>
    withAttackedServer(async (server) => {
      await serveAgent(server);
      using host = new Destination();
      const result = await host.paste(commandOf(server, (await server.token()).value), '--help');
      assert.equal(result.exitCode, 0, result.stderr);
      assert.match(result.stdout, /sh -s -- --replace\n/);
      assert.deepEqual(filesBelow(host.path), []);
    }));

  it('is not even run when the key of the server is not the pinned one', () =>
    withAttackedServer((server) =>
      withAttackedServer(async (other) => {
        await serveAgent(server);
        const { value } = await server.token();
        using host = new Destination();
        const result = await host.paste(commandOf(server, value, other.identity.serverSpkiPin));
        assert.equal(result.exitCode, 7);
        assert.match(result.stderr, /public key does not match pinned public key/);
        assert.match(result.stderr, /seal: no install script came from .*, so nothing was installed/);
        assert.deepEqual(filesBelow(host.path), []);
      }),
    ));

  it('shows why a token is refused, with its exit code, and leaves nothing behind', () =>
    withAttackedServer(async (server) => {
      await serveAgent(server);
      using host = new Destination();
      const { value, token } = await server.token();
      await server.tokens.revoke(token.id, 'ann');
      const wrong = value.replace(token.secret, 'A'.repeat(27));
      const expected = { [value]: /TOKEN_REVOKED/, [wrong]: /TOKEN_INVALID/, 'seal1.nonsense': /TOKEN_INVALID/ };
      for (const [text, problem] of Object.entries(expected)) {
        const result = await host.paste(commandOf(server, text), '--node-name', 'h1');
        assert.equal(result.exitCode, 6);
        assert.match(result.stderr, problem);
        assert.doesNotMatch(result.stderr + result.stdout, new RegExp(token.secret));
        assert.deepEqual(filesBelow(host.path), []);
      }
    }));

  it('refuses an archive that is not the one the server announced', () =>
    withAttackedServer(async (server) => {
      await serveAgent(server);
      for (const name of readdirSync(server.agentsDirectory).filter((file) => file.endsWith('.gz')))
        writeFileSync(join(server.agentsDirectory, name), 'other bytes');
      using host = new Destination();
      const result = await host.paste(commandOf(server, (await server.token()).value));
      assert.equal(result.exitCode, 1);
      assert.match(result.stderr, /BLOB_DIGEST_MISMATCH/);
      assert.deepEqual(filesBelow(host.path), []);
      assert.deepEqual(server.nodes.list(), []);
    }));

  it('says so when the server is not reached or no token was given', () =>
    withAttackedServer(async (server) => {
      using host = new Destination();
      const { value } = await server.token();
      const unreachable = await host.paste(commandOf(server, value), '--server', '127.0.0.1:1');
      assert.deepEqual([unreachable.exitCode, /SERVER_UNREACHABLE/.test(unreachable.stderr)], [7, true]);
      const without = await host.paste(commandOf(server, value).replace(/SEAL_TOKEN=\S+ /, ''));
      assert.deepEqual([without.exitCode, /no bootstrap token/.test(without.stderr)], [2, true]);
    }));

  it('keeps the token out of the arguments and the environment of every program that it runs', () =>
    withAttackedServer(async (server) => {
      await serveAgent(server);
      using host = new Destination();
      const { value, token } = await server.token();
      const log = join(server.folder, 'programs.log');
      const path = await watchedPrograms(join(server.folder, 'watched'), log);
      const script = join(server.folder, 'install.sh');
      writeFileSync(script, (await execa('curl', ['-fsSk', `https://${server.address}/install.sh`])).stdout);
      const env = { SEAL_TOKEN: value, PATH: `${path}:${process.env.PATH}` };
      await execa('dash', [script, '--destdir', host.path, '--node-name', 'h1'], { env });
      const ran = readFileSync(log, 'utf8');
      for (const program of ['curl', 'openssl', 'grep', 'cut', 'tar', 'sha256sum'])
        assert.match(ran, new RegExp(`^${program} `, 'm'));
      assert.equal(ran.includes(token.secret), false);
    }));
});

/** A folder for PATH with programs that note their arguments and environment before they do their work. */
async function watchedPrograms(folder: string, log: string): Promise<string> {
  mkdirSync(folder);
  for (const name of [
    'curl',
    'openssl',
    'grep',
    'cut',
    'tr',
    'tar',
    'sha256sum',
    'mkdir',
    'rm',
    'mv',
    'cp',
    'chmod',
    'dirname',
  ]) {
    const real = (await execa('sh', ['-c', `command -v ${name}`])).stdout;
    const text = `#!/bin/sh\n{ printf '%s ' ${name} "$@"; echo; env; } >>'${log}'\nexec ${real} "$@"\n`;
    writeFileSync(join(folder, name), text, { mode: 0o755 });
  }
  return folder;
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory() || entry.name.startsWith('seal'))
    .map((entry) => join(entry.parentPath, entry.name));
}
