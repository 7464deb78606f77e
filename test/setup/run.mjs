// The way into the project from a fresh machine: `node test/setup/run.mjs TARGET [ARGUMENT…]`, behind `npm run demo`, `npm test`, ….
// It brings what the target needs (npm packages with the pinned Node, Debian packages), says what it does and how long that took,
// and then hands over to the target's TypeScript main, run by the pinned Node. It runs on Node 20 and imports nothing but Node.
//
// Exit codes: 2 unknown target · 3 this machine cannot do it · 4 npm failed · 5 apt failed · 6 the target's main is missing ·
// else the main's own, 128 + n when signal n ended it.

import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const log = join(root, 'setup.log');

const hostPackages = [
  ...['mmdebstrap', 'debian-archive-keyring', 'systemd-container', 'iproute2', 'iptables', 'nftables'],
  ...['mount', 'util-linux', 'procps', 'ca-certificates', 'openssl', 'tar', 'xz-utils', 'gzip'],
];
/** Another clock for daemons under test (the machine's is never set), and what the install line needs. */
const daemonTestPackages = ['libfaketime', 'curl'];
const buildPackages = ['dpkg-dev', 'patch'];
const registryPackages = ['docker-registry', 'skopeo'];
/** Programs that must read what Seal builds; 20 MB to fetch. */
const imageReaderPackages = ['umoci', 'buildah', 'podman'];
/** What the speed of images is compared with. */
const imagePeerPackages = ['buildah', 'umoci', 'pigz'];

/**
 * main: what is run in the end. root: needed at any rate. packages: Debian packages it needs. optional: without root or apt the
 * target still does what it can, and says what it left out. freeGiB: free disk it needs.
 */
const targets = {
  demo: { main: 'test/demo/main.ts', root: true, packages: [...hostPackages, ...buildPackages], freeGiB: 12 },
  build: { main: 'packages/release/src/main.ts', packages: [], freeGiB: 1 },
  test: {
    main: 'test/run-tests.ts',
    packages: [...hostPackages, ...daemonTestPackages, ...registryPackages, ...imageReaderPackages],
    optional: true,
    freeGiB: 3,
  },
  'test:clusters': { main: 'test/run-clusters.ts', root: true, packages: [...hostPackages, ...buildPackages], freeGiB: 12 },
  simulate: { main: 'test/simulation/main.ts', packages: [], freeGiB: 1 },
  'test:crash-points': { main: 'test/scenario/crash-points/main.ts', root: true, packages: hostPackages, freeGiB: 3 },
  check: { main: 'test/run-check.ts', packages: [], freeGiB: 1 },
  gen: { main: 'test/run-gen.ts', packages: ['protobuf-compiler'], freeGiB: 1 },
  bench: {
    main: 'test/bench/main.ts',
    root: true,
    packages: [...hostPackages, ...registryPackages, ...imagePeerPackages],
    freeGiB: 15,
  },
  'test:large': { main: 'test/bench/images-large.ts', root: true, packages: [...hostPackages, ...registryPackages], freeGiB: 50 },
};

await main(process.argv.slice(2));

async function main([name, ...args]) {
  const target = Object.hasOwn(targets, name ?? '') ? targets[name] : undefined;
  if (target === undefined) fail(2, `unknown target "${name ?? ''}"`, `use one of: ${Object.keys(targets).join(', ')}`);
  checkMachine(name, target);
  rmSync(log, { force: true });
  await installNpmPackages();
  await installDebianPackages(name, target);
  const program = join(root, target.main);
  if (!existsSync(program)) fail(6, `${name} has no ${target.main} in ${root}`, 'the checkout is not complete: see git status');
  process.exitCode = await handOver([program, ...args]);
}

function checkMachine(name, target) {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < 20) fail(3, `Node ${process.versions.node} is too old`, 'install Node 20 or later');
  if (process.platform !== 'linux') fail(3, `this is ${process.platform}, Seal runs on Linux`, 'use a Debian 12 machine');
  if (!['x64', 'arm64'].includes(process.arch))
    fail(3, `no Node is pinned for the architecture ${process.arch}`, 'use an x64 or arm64 machine');
  if (target.root && process.getuid() !== 0) {
    fail(3, `${name} needs root, this is user id ${process.getuid()}`, `become root (sudo -i) and run it again: npm run ${name}`);
  }
  for (const directory of new Set([root, '/var'])) {
    const { bavail, bsize } = statfsSync(directory);
    const freeGiB = (bavail * bsize) / 2 ** 30;
    if (freeGiB < target.freeGiB) {
      const found = `only ${freeGiB.toFixed(1)} GiB are free on the file system of ${directory}, ${name} needs ${target.freeGiB}`;
      fail(3, found, 'make room: /var/cache/seal and /var/cache/apt can be emptied at any time when no lab runs');
    }
  }
}

async function installNpmPackages() {
  if (existsSync(pinnedNode()) && isInstalledAsLocked()) return;
  // Under "npm run", the PATH begins with the node_modules/.bin that npm ci is about to replace.
  const path = (process.env.PATH ?? '').split(delimiter).filter((part) => !part.endsWith(join('node_modules', '.bin')));
  const env = { ...process.env, PATH: path.join(delimiter) };
  if (spawnSync('npm', ['--version'], { env }).error !== undefined) {
    fail(3, 'there is no npm in the PATH', 'install it (it comes with Node; Debian: apt-get install npm)');
  }
  const code = await timed('npm ci: installing the npm packages and the pinned Node', 'npm', ['ci', '--no-audit', '--no-fund'], {
    env,
  });
  if (code !== 0) {
    showLog();
    fail(4, `npm ci ended with ${code}`, `see ${log}; it needs the npm registry and a package-lock.json that fits package.json`);
  }
  if (!existsSync(pinnedNode())) {
    fail(
      4,
      `npm ci brought no ${relative(root, pinnedNode())}`,
      'it is an optional dependency: do not set "omit=optional" in .npmrc',
    );
  }
}

/** npm writes down what it put into node_modules once it has put all of it there; packages for other platforms are left out. */
function isInstalledAsLocked() {
  const record = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return false;
  const installed = JSON.parse(readFileSync(record, 'utf8')).packages;
  const locked = Object.entries(JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages);
  return locked
    .filter(([path, entry]) => path.includes('node_modules/') && !(entry.optional && installed[path] === undefined))
    .every(([path, entry]) => installed[path]?.version === entry.version && installed[path]?.integrity === entry.integrity);
}

async function installDebianPackages(name, target) {
  const missing = missingPackages(target.packages);
  if (missing.length === 0) return;
  const hindrance =
    process.getuid() !== 0
      ? `only root can install ${missing.join(' ')}`
      : spawnSync('apt-get', ['--version']).error !== undefined
        ? `there is no apt-get here to install ${missing.join(' ')}`
        : await aptInstall(missing);
  if (hindrance === undefined) return;
  if (!target.optional)
    fail(5, `${name} needs Debian packages: ${hindrance}`, `on Debian 12, as root: apt-get install ${missing.join(' ')}`);
  say(`WARNING: ${hindrance}; what needs them is left out`);
}

/** Undefined when all went well. */
async function aptInstall(packages) {
  const policy = '/usr/sbin/policy-rc.d';
  const removePolicy = () => rmSync(policy, { force: true });
  // Debian's way to say that an installation starts no services.
  if (!existsSync(policy)) {
    writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
    process.once('exit', removePolicy);
  }
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' };
  const apt = ['-q', '-o', 'DPkg::Lock::Timeout=300', '-o', 'Dpkg::Use-Pty=0', '-o', 'Acquire::Retries=2'];
  // A source of this machine that is out of reach need not matter: the installation tells.
  const updated = await timed('apt-get update', 'apt-get', [...apt, 'update'], { env });
  const install = [...apt, 'install', '-y', '--no-install-recommends', ...packages];
  const installed = await timed(`apt-get install ${packages.join(' ')}`, 'apt-get', install, {
    env,
    show: /^(Setting up \S+|E: .*)/,
  });
  process.off('exit', removePolicy);
  if (existsSync(policy) && readFileSync(policy, 'utf8') === '#!/bin/sh\nexit 101\n') removePolicy();
  if (installed === 0) return undefined;
  showLog();
  return `apt-get install ended with ${installed}${updated === 0 ? '' : ` (and apt-get update with ${updated})`}, see ${log}`;
}

function missingPackages(packages) {
  if (packages.length === 0) return [];
  // biome-ignore lint/suspicious/noTemplateCurlyInString: this is dpkg-query's own format.
  const format = '${Package} ${db:Status-Status}\\n';
  const query = spawnSync('dpkg-query', ['-W', '-f', format, ...packages], { encoding: 'utf8' });
  const installed = (query.stdout ?? '').split('\n').filter((line) => line.endsWith(' installed'));
  return packages.filter((name) => !installed.includes(`${name} installed`));
}

/** Runs a program with its output in the log; says every 15 s that it is still at it. Resolves to its exit code. */
function timed(title, command, args, { env, show }) {
  const start = Date.now();
  const seconds = () => `${Math.round((Date.now() - start) / 1000)} s`;
  say(`${title} …`);
  appendFileSync(log, `$ ${[command, ...args].join(' ')}\n`);
  const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const beat = setInterval(() => say(`  still running (${seconds()})`), 15_000);
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    let rest = '';
    stream.on('data', (text) => {
      appendFileSync(log, text);
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (show?.test(line)) say(`  ${show.exec(line)[0]}`);
    });
  }
  const stop = forwardSignals(child, false);
  return new Promise((resolve) => {
    child.on('error', (error) => appendFileSync(log, `${error.message}\n`));
    child.on('close', (code, signal) => {
      clearInterval(beat);
      stop();
      if (signal !== null) process.exit(128 + constants.signals[signal]);
      say(`  ${code === 0 ? 'done' : `failed (${code})`} in ${seconds()}`);
      resolve(code ?? 127);
    });
  });
}

function handOver(args) {
  const child = spawn(pinnedNode(), args, { cwd: root, stdio: 'inherit' });
  // On a terminal, Ctrl-C reaches the child from the terminal itself; twice would be once too often.
  const stop = forwardSignals(child, process.stdin.isTTY === true);
  return new Promise((resolve) => {
    child.on('error', (error) => fail(6, `cannot start ${pinnedNode()}: ${error.message}`, `remove node_modules and try again`));
    child.on('exit', (code, signal) => {
      stop();
      resolve(code ?? 128 + constants.signals[signal]);
    });
  });
}

function forwardSignals(child, terminalSendsInterrupt) {
  const handlers = ['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => {
    const handler = () => {
      if (signal !== 'SIGINT' || !terminalSendsInterrupt) child.kill(signal);
    };
    process.on(signal, handler);
    return [signal, handler];
  });
  return () => {
    for (const [signal, handler] of handlers) process.off(signal, handler);
  };
}

function pinnedNode() {
  return join(root, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node');
}

/** The beginning of what the last program said, where npm has its reason, and the end, where apt has it. */
function showLog() {
  const text = readFileSync(log, 'utf8').trimEnd();
  const lines = text.slice(text.lastIndexOf('\n$ ') + 1).split('\n');
  const shown = lines.length <= 25 ? lines : [...lines.slice(0, 10), '…', ...lines.slice(-14)];
  process.stderr.write(`${shown.map((line) => `  | ${line}`).join('\n')}\n`);
}

function say(line) {
  process.stderr.write(`[setup] ${line}\n`);
}

function fail(code, what, remedy) {
  process.stderr.write(`[setup] ERROR: ${what}.\n[setup]        ${remedy}\n`);
  process.exit(code);
}
