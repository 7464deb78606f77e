import { fileURLToPath } from 'node:url';
import type { SealLab } from '../../deploy/seal-lab.ts';
import { type Host, pollUntil } from '../../hosts/index.ts';

/** When a daemon is to be killed: see `kill-at-write.ts`. */
export interface KillOrder {
  readonly side: 'before' | 'after' | 'torn';
  /** Default 1. */
  readonly nth?: number;
  readonly match?: RegExp;
}

const preload = fileURLToPath(new URL('./kill-at-write.ts', import.meta.url));
const place = '/opt/seal-test/kill-at-write.ts';
const orderFile = '/run/seal/kill-at';

/** Makes server and agents of a lab kill themselves on orders, and come back at once. `environment`: more for the daemons. */
export async function takeKillOrders(
  seal: SealLab,
  agents: readonly string[],
  environment: readonly string[] = [],
): Promise<void> {
  const lines = [`NODE_OPTIONS=--import=${place}`, `SEAL_KILL_AT=${orderFile}`, ...environment];
  const dropIn = `[Service]\nRestartSec=100ms\n${lines.map((line) => `Environment="${line}"\n`).join('')}`;
  const prepare = async (host: Host, unit: string) => {
    await host.copyFile(preload, place);
    await host.writeFile(`/etc/systemd/system/${unit}.service.d/50-test.conf`, dropIn);
    await host.sh(`systemctl daemon-reload; systemctl restart ${unit}`);
  };
  await prepare(seal.server, 'seal-server');
  await Promise.all(agents.map((name) => prepare(seal.host(name), 'seal-agent')));
  await seal.untilConnected(...agents);
}

/** Orders the daemon of this host (a host has one) to kill itself. */
export async function orderKill(host: Host, { side, nth = 1, match }: KillOrder): Promise<void> {
  const order = { side, nth, ...(match ? { match: match.source } : {}) };
  // Written beside and renamed: the daemon looks at any time.
  await host.sh(`mkdir -p /run/seal; cat >${orderFile}.new; mv ${orderFile}.new ${orderFile}`, { input: JSON.stringify(order) });
}

/** True when the order was carried out; an order that is still waiting is taken back. */
export async function wasKilled(host: Host): Promise<boolean> {
  return (await host.run('rm', [orderFile])).code !== 0;
}

/** Waits until the order has been carried out. */
export async function untilKilled(host: Host, timeoutSeconds = 60): Promise<void> {
  await pollUntil(async () => (await host.run('test', ['-e', orderFile])).code !== 0 || undefined, {
    timeoutSeconds,
    describe: () => `the daemon on ${host.name} was not killed: the write at which it should be did not come`,
  });
}
