import { rmSync, writeFileSync } from 'node:fs';
import { hubPort } from './boot-host.ts';
import { hostDisk } from './host-disk.ts';
import { labPaths } from './lab-paths.ts';
import type { LabState } from './lab-state.ts';
import { mustRunCommand } from './must-run-command.ts';
import { runCommand } from './run-command.ts';

/*
 * Faults lie at the bridge's end of a host's cable, where the host cannot see or undo them and a reboot does not heal them.
 * Each has an nftables table of its own, so that one can be taken away without knowing of the others.
 */

/** Pulls the host's cable, or puts it back. */
export async function setCable(lab: LabState, host: string, state: 'up' | 'down'): Promise<void> {
  await mustRunCommand('ip', ['-n', labPaths(lab.name).hubNamespace, 'link', 'set', hubPort(lab, host), state]);
}

/** Cuts or heals the way between two hosts; both still reach everybody else. */
export async function setPairCut(lab: LabState, one: string, other: string, cut: boolean): Promise<void> {
  const [a, b] = [hubPort(lab, one), hubPort(lab, other)].sort() as [string, string];
  const chain = `type filter hook forward priority 0; iifname "${a}" oifname "${b}" drop; iifname "${b}" oifname "${a}" drop;`;
  await setTable(lab, `cut_${a}_${b}`, cut ? `chain forward { ${chain} };` : undefined);
}

/** Loses this share of the host's packets, each way, at random; 0 loses none. */
export async function setLoss(lab: LabState, host: string, percent: number): Promise<void> {
  if (!Number.isInteger(percent) || percent < 0 || percent > 100) {
    throw new Error(`cannot lose ${percent} % of the packets of host ${host}: it takes a whole number from 0 to 100`);
  }
  const port = hubPort(lab, host);
  // Not ARP: a lost lookup costs seconds, which is another fault than a lost packet.
  const random = `ether type ip numgen random mod 100 <= ${percent - 1} drop`;
  const chains = [
    `chain from { type filter hook prerouting priority 0; iifname "${port}" ${random}; };`,
    `chain to { type filter hook postrouting priority 0; oifname "${port}" ${random}; };`,
  ];
  await setTable(lab, `loss_${port}`, percent === 0 ? undefined : chains.join(' '));
}

/** Limits the host's traffic each way, e.g. to `10mbit`; undefined takes the limit away. */
export async function setRate(lab: LabState, host: string, rate: string | undefined): Promise<void> {
  if (rate !== undefined && !/^[1-9][0-9]*(k|m|g)bit$/.test(rate)) {
    throw new Error(`cannot limit host ${host} to "${rate}": a rate is a number with kbit, mbit or gbit, e.g. 10mbit`);
  }
  const { hubNamespace, hostNamespace, hostDirectory } = labPaths(lab.name);
  const { shape } = hostDisk(hostDirectory(host));
  for (const [namespace, device] of [
    [hubNamespace, hubPort(lab, host)],
    [hostNamespace(host), 'eth0'],
  ] as const) {
    const tc = ['nsenter', `--net=/run/netns/${namespace}`, 'tc', 'qdisc'] as const;
    const limit = ['root', 'tbf', 'rate', rate ?? '', 'burst', '32kb', 'latency', '50ms'];
    if (rate !== undefined) await mustRunCommand(tc[0], [...tc.slice(1), 'replace', 'dev', device, ...limit]);
    // Where there is no limit, taking it away fails, and that is as it should be.
    else await runCommand(tc[0], [...tc.slice(1), 'del', 'dev', device, 'root']);
  }
  if (rate === undefined) rmSync(shape, { force: true });
  else writeFileSync(shape, rate);
}

async function setTable(lab: LabState, table: string, body: string | undefined): Promise<void> {
  const { hubNamespace } = labPaths(lab.name);
  // "add" first: deleting a table that is not there is an error.
  const lines = [`add table bridge ${table}`, `delete table bridge ${table}`];
  if (body !== undefined) lines.push(`table bridge ${table} { ${body} }`);
  await mustRunCommand('nsenter', [`--net=/run/netns/${hubNamespace}`, 'nft', '-f', '-'], { input: `${lines.join('\n')}\n` });
}
