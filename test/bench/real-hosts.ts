import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { SealLab } from '../deploy/seal-lab.ts';
import { type Host, pollUntil } from '../hosts/index.ts';
import { installSsh, sshToAll } from './ssh-peer.ts';

export interface OperationFigures {
  readonly status: string;
  readonly nodes: number;
  readonly stepsEach: number;
  readonly wallMs: number;
  readonly serverCpuMs: number;
  /** Of the node whose processes took longest together, as its agent measured them. */
  readonly criticalPathMs: number;
  /** Mean ms of a step: command to start, start to result, result to the next command. */
  readonly parts: readonly number[];
  readonly events: number;
  readonly logBytes: number;
}

export interface MeasuredOperation extends OperationFigures {
  /** Of the agents' own processes, without those of the steps; mean of the hosts. */
  readonly agentCpuMs: number;
}

export interface RealHostsFigures {
  readonly operations: readonly MeasuredOperation[];
  /** `toSsh`: its median divided by that of ssh. */
  readonly commands: readonly {
    readonly what: string;
    readonly medianMs: number;
    readonly worstMs: number;
    readonly toSsh?: number;
  }[];
  readonly memory: readonly { readonly when: string; readonly serverMiB: number; readonly agentMiB: number }[];
  /** Undefined when ssh was measured too. */
  readonly withoutSsh?: string;
}

/** Measures operations and commands on the hosts `names` of a lab, whose server becomes the benchmark's. */
export async function measureRealHosts(seal: SealLab, names: readonly string[], rounds: number): Promise<RealHostsFigures> {
  const memory = [{ when: 'idle after the start', ...(await memoryOf(seal, names)) }];
  await useBenchServer(seal, names);
  await run(seal, 1);
  const operations = [await measuredRun(seal, names, 8), await measuredRun(seal, names, 8), await measuredRun(seal, names, 1)];
  const ssh = await installSsh(seal, names);
  const scripts = [
    ['sealctl exec all -- true, the start of sealctl included', 'sealctl exec all -- true'],
    ['sealctl --version: nothing but the start of sealctl', 'sealctl --version >/dev/null'],
    ...(ssh === true ? [[overSsh, sshToAll(seal, names, 'true')]] : []),
  ] as const;
  // Taken in turns, so that what else the machine does falls on all alike.
  const times = new Map<string, number[]>(scripts.map(([what]) => [what, []]));
  const single: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    for (const [what, script] of scripts) times.get(what)?.push(await timed(seal.server, script!));
    single.push((await run(seal, 1)).wallMs);
  }
  times.set('the same operation inside the server, without sealctl', single);
  memory.push({ when: `after 200 steps (300 on one) and ${rounds * 2} commands on each host`, ...(await memoryOf(seal, names)) });
  const sshMs = median(times.get(overSsh) ?? []);
  const commands = [...times].map(([what, all]) => {
    const medianMs = median(all);
    return { what, medianMs, worstMs: Math.max(...all), ...(sshMs > 0 ? { toSsh: medianMs / sshMs } : {}) };
  });
  return { operations, commands, memory, ...(ssh === true ? {} : { withoutSsh: ssh }) };
}

const overSsh = 'ssh over warm ControlMasters, all at once';

async function measuredRun(seal: SealLab, names: readonly string[], hosts: number): Promise<MeasuredOperation> {
  // Ticks of 10 ms, of user and system.
  const ticks = async () => {
    const of = (name: string) =>
      seal.host(name).sh("awk '{print $14 + $15}' /proc/$(systemctl show -p MainPID --value seal-agent)/stat");
    return (await Promise.all(names.map(of))).reduce((sum, text) => sum + Number(text), 0);
  };
  const before = await ticks();
  const figures = await run(seal, 100, hosts);
  return { ...figures, agentCpuMs: ((await ticks()) - before) * (10 / hosts) };
}

async function useBenchServer(seal: SealLab, names: readonly string[]): Promise<void> {
  const bundle = join(tmpdir(), `seal-bench-${process.pid}.mjs`);
  const banner = `import { createRequire as __createRequire } from 'node:module';
import { fileURLToPath as __fileURLToPath } from 'node:url';
const require = __createRequire(import.meta.url);
const __dirname = __fileURLToPath(new URL('./bundled/from', import.meta.url));`;
  try {
    await build({
      ...{
        entryPoints: [fileURLToPath(new URL('./bench-server.ts', import.meta.url))],
        outfile: bundle,
        bundle: true,
        minify: true,
      },
      ...{ keepNames: true, platform: 'node', target: 'node24', format: 'esm', banner: { js: banner }, logLevel: 'error' },
    });
    await seal.server.copyFile(bundle, '/usr/local/lib/seal/server/seal-bench.mjs');
  } finally {
    rmSync(bundle, { force: true });
  }
  const start = '/usr/local/lib/seal/server/node --disable-warning=ExperimentalWarning /usr/local/lib/seal/server/seal-bench.mjs';
  await seal.server.writeFile(
    '/etc/systemd/system/seal-server.service.d/50-bench.conf',
    `[Service]\nExecStart=\nExecStart=${start}\n`,
  );
  await seal.server.sh('systemctl daemon-reload; systemctl restart seal-server');
  await pollUntil(async () => (await seal.sealctl(['nodes'])).code === 0 || undefined, {
    timeoutSeconds: 60,
    describe: () => 'the server of the benchmark does not answer',
  });
  await seal.untilConnected(...names);
}

async function run(seal: SealLab, stepsEach: number, hosts = 1000): Promise<OperationFigures> {
  await seal.server.sh(
    `rm -f /run/seal/bench-result; echo '[${stepsEach}, ${hosts}]' >/run/seal/bench-steps
     systemctl kill --kill-who=main -s USR2 seal-server
     for i in $(seq 3000); do [ -e /run/seal/bench-result ] && exit 0; sleep 0.1; done; exit 1`,
    { timeoutSeconds: 320 },
  );
  const figures = JSON.parse(await seal.server.readFile('/run/seal/bench-result')) as OperationFigures;
  if (figures.status !== 'SUCCEEDED') throw new Error(`the operation ended as ${figures.status}`);
  return figures;
}

/** Milliseconds that a script took on the host, measured there. */
async function timed(host: Host, script: string): Promise<number> {
  const text = await host.sh(`start=$(date +%s%N); { ${script}; } >/dev/null; echo $(( ($(date +%s%N) - start) / 1000 ))`);
  return Number(text) / 1000;
}

async function memoryOf(seal: SealLab, names: readonly string[]): Promise<{ serverMiB: number; agentMiB: number }> {
  const of = async (host: Host, unit: string) =>
    Number(await host.sh(`awk '/VmRSS/ {print $2}' /proc/$(systemctl show -p MainPID --value ${unit})/status`)) / 1024;
  const agents = await Promise.all(names.map((name) => of(seal.host(name), 'seal-agent')));
  return { serverMiB: await of(seal.server, 'seal-server'), agentMiB: median(agents) };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
