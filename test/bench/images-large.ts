import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startTestRegistry } from '../../packages/cluster-image/src/registry-client/test-registry.ts';
import { type SealLab, withSealLab } from '../deploy/seal-lab.ts';
import type { Host } from '../hosts/index.ts';
import { makeTree } from './images-tree.ts';
import { table } from './markdown-table.ts';

/**
 * `npm run test:large`: an image of 5 GB and 20 000 small files is built, saved, loaded, pushed, pulled and brought to two nodes. Fails when
 * anything does, or when the server needs more memory than it may. SEAL_LARGE_GB makes it smaller. Needs about nine times its size on disk.
 */
const gigabytes = Number(process.env.SEAL_LARGE_GB ?? 5);
const mostServerMiB = 300;
const image = 'large:1';

const root = fileURLToPath(new URL('../..', import.meta.url));
const scripts = join(root, 'test/scenario/image');
const work = mkdtempSync('/var/tmp/seal-large-');
const rows: string[][] = [];

/** Runs sealctl here and notes how long it took and the most memory it had. */
async function sealctl(what: string, ...args: string[]): Promise<void> {
  const began = performance.now();
  const child = spawn(process.execPath, [join(root, 'packages/sealctl/src/main.ts'), ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  let peakMiB = 0;
  const watch = setInterval(() => {
    peakMiB = Math.max(peakMiB, peakOf(child.pid ?? 0));
  }, 100);
  const [code] = await once(child, 'close');
  clearInterval(watch);
  if (code !== 0) throw new Error(`sealctl ${args.join(' ')} ended with ${code}`);
  note(what, began, `sealctl ${Math.round(peakMiB)} MiB`);
}

function peakOf(pid: number): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    // The process has just ended.
    return 0;
  }
}

function note(what: string, began: number, memory: string): void {
  rows.push([what, `${((performance.now() - began) / 1000).toFixed(0)} s`, memory]);
  process.stdout.write(`${rows.at(-1)?.join(' · ')}\n`);
}

async function images(): Promise<void> {
  const context = join(work, 'context');
  cpSync(scripts, context, { recursive: true });
  await makeTree(join(context, 'big'), { files: 50, bytes: gigabytes * 1e9 });
  await makeTree(join(context, 'small'), { files: 20_000, bytes: 2e8 });
  appendFileSync(join(context, 'Kubefile'), 'COPY big big\nCOPY small small\n');
  const store = (name: string) => ['--store', join(work, name)];
  await sealctl('build', '-q', 'build', '-t', image, ...store('built'), context);
  await sealctl('build again, nothing changed', '-q', 'build', '-t', image, ...store('built'), context);
  rmSync(context, { recursive: true });
  await sealctl('save', '-q', 'save', image, '-o', join(work, 'large.tar'), ...store('built'));
  await sealctl('load', '-q', 'load', '-i', join(work, 'large.tar'), ...store('loaded'));
  for (const name of ['large.tar', 'loaded']) rmSync(join(work, name), { recursive: true });
  await using registry = await startTestRegistry();
  const name = `${registry.host}/${image}`;
  await sealctl('push to docker-registry', '-q', 'push', image, name, '--insecure', ...store('built'));
  await sealctl('pull from docker-registry', '-q', 'pull', name, '--insecure', ...store('pulled'));
  rmSync(join(work, 'pulled'), { recursive: true });
}

async function distribution(seal: SealLab): Promise<number> {
  const peaks = async () => `server ${await unitPeak(seal.server, 'seal-server')} MiB`;
  let began = performance.now();
  await seal.server.sh(`sealctl push ${image} --remote --store /root/store`, { timeoutSeconds: 1800 });
  note('push to the server', began, await peaks());
  began = performance.now();
  const [first, second] = ['m1', 'n1'].map((name) => seal.host(name));
  await seal.server.sh(`sealctl run ${image} -m ${first?.ip} -n ${second?.ip} --yes`, { timeoutSeconds: 3600 });
  const agents = await Promise.all([first, second].map((host) => unitPeak(host as Host, 'seal-agent')));
  note('run on two nodes', began, `${await peaks()}, agents ${agents.join(' and ')} MiB`);
  for (const host of [first, second]) {
    const found = await host?.sh(
      'find /var/lib/seal/data/default/rootfs/small -type f | wc -l; du -sm /var/lib/seal/data/default/rootfs/big | cut -f1',
    );
    process.stdout.write(`${host?.name}: files in small/, MiB in big/: ${found?.split('\n').join(', ')}\n`);
    if (!found?.startsWith('20000\n')) throw new Error(`${host?.name} has not all files: ${found}`);
  }
  return unitPeak(seal.server, 'seal-server');
}

async function unitPeak(host: Host, unit: string): Promise<number> {
  const text = await host.sh(`awk '/VmHWM/ {print $2}' /proc/$(systemctl show -p MainPID --value ${unit})/status`);
  return Math.round(Number(text) / 1024);
}

const free = statfsSync(work);
if (free.bavail * free.bsize < gigabytes * 9e9) throw new Error(`${work} needs ${gigabytes * 9} GB of free disk`);
try {
  await images();
  const options = { agents: ['m1', 'n1'], serverBinds: [{ from: join(work, 'built'), to: '/root/store' }] };
  const serverMiB = await withSealLab(options, distribution);
  const commit = execFileSync('git', ['-C', root, 'rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  process.stdout.write(`\n${gigabytes} GB, ${commit}\n\n${table(['what', 'wall', 'most memory (RSS)'], rows)}\n`);
  if (serverMiB > mostServerMiB) throw new Error(`the server had ${serverMiB} MiB; it may have ${mostServerMiB}`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
