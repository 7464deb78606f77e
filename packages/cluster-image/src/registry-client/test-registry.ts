import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Debian's docker-registry on loopback with its own configuration and directory; for tests. */
export interface TestRegistry extends AsyncDisposable {
  /** 127.0.0.1:PORT */
  readonly host: string;
  readonly port: number;
  /** With TLS: the file of the authority that made its certificate. */
  readonly caFile: string;
  /** With TLS: ca.crt, and client.cert with client.key, as certs.d/HOST has them. */
  readonly certDirectory: string;
  /** What it has logged so far. */
  log(): string;
}

export interface TestRegistryOptions {
  readonly tls?: boolean;
  /** The user `ada` with the password `lovelace` is needed for everything. */
  readonly htpasswd?: boolean;
  /** With TLS: only who shows a certificate of its authority is let in; `certDirectory` has one. */
  readonly clientCertificates?: boolean;
}

/** bcrypt of "lovelace", cost 5. */
const htpasswdLine = 'ada:$2y$05$NxXVl41VOABJ4mnu.Z0V9upY1qyqcHUl0gULNf7zlQ7nxhvcb9LOi\n';

/** Why these tests cannot run here; undefined when they can. */
export const registryHindrance: string | undefined = existsSync('/usr/bin/docker-registry')
  ? undefined
  : 'SKIPPED: the Debian package docker-registry is not installed (apt-get install docker-registry)';

/** Starts it on a free port and waits until it answers. */
export async function startTestRegistry(options: TestRegistryOptions = {}): Promise<TestRegistry> {
  const root = await mkdtemp(join(tmpdir(), 'seal-registry-'));
  const port = await freePort();
  const tls = options.tls ? makeCertificates(root, options.clientCertificates === true) : '';
  const auth = options.htpasswd ? `auth:\n  htpasswd:\n    realm: test\n    path: ${root}/htpasswd\n` : '';
  await writeFile(join(root, 'htpasswd'), htpasswdLine);
  const config = `version: 0.1
log: {level: info}
storage:
  filesystem: {rootdirectory: ${root}/data}
http:
  addr: 127.0.0.1:${port}
  secret: ${port}
${tls}${auth}`;
  await writeFile(join(root, 'config.yml'), config);
  const child = spawn('/usr/bin/docker-registry', ['serve', join(root, 'config.yml')], { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (log += text));
  await listening(child, port, () => log);
  return {
    host: `127.0.0.1:${port}`,
    port,
    caFile: join(root, 'ca.crt'),
    certDirectory: join(root, 'certs'),
    log: () => log,
    async [Symbol.asyncDispose]() {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await gone;
      await rm(root, { recursive: true, force: true });
    },
  };
}

export async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function makeCertificates(root: string, askClients: boolean): string {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: root, stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  openssl('req', '-x509', ...key, '-subj', '/CN=Test CA', '-keyout', 'ca.key', '-out', 'ca.crt');
  const names = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-addext', 'subjectAltName=IP:127.0.0.1'];
  openssl('req', '-x509', ...key, '-subj', '/CN=registry', ...names, '-keyout', 'tls.key', '-out', 'tls.crt');
  mkdirSync(join(root, 'certs'));
  copyFileSync(join(root, 'ca.crt'), join(root, 'certs/ca.crt'));
  const client = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-addext', 'extendedKeyUsage=clientAuth'];
  openssl('req', '-x509', ...key, '-subj', '/CN=ada', ...client, '-keyout', 'certs/client.key', '-out', 'certs/client.cert');
  const clients = askClients ? `, clientcas: [${root}/ca.crt]` : '';
  return `  tls: {certificate: ${root}/tls.crt, key: ${root}/tls.key${clients}}\n`;
}

async function listening(child: ChildProcess, port: number, log: () => string): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    if (child.exitCode !== null) throw new Error(`docker-registry ended with ${child.exitCode}:\n${log()}`);
    if (await connects(port)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`docker-registry did not listen on port ${port} within 30 s:\n${log()}`);
}

function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
