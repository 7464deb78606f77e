import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { hubAddress } from './address-range.ts';
import { hostCgroups } from './host-cgroups.ts';
import { hostDisk } from './host-disk.ts';
import { labPaths } from './lab-paths.ts';
import type { HostSpec, LabState } from './lab-state.ts';

/** A privileged container keeps these from nobody, and the clock, modules and raw memory are the machine's. */
export const droppedCapabilities = [
  'sys_resource',
  'sys_time',
  'sys_module',
  'sys_rawio',
  'wake_alarm',
  'block_suspend',
] as const;

/** Starts the host's supervisor as a process of its own that outlives this one; returns at once. */
export function bootHost(lab: LabState, host: LabState['hosts'][number]): void {
  const paths = labPaths(lab.name);
  const cgroups = hostCgroups(lab.cgroups, host.name);
  const disk = hostDisk(paths.hostDirectory(host.name));
  const number = lab.hosts.indexOf(host);
  const console = openSync(disk.console, 'a');
  const child = spawn('sh', [fileURLToPath(new URL('supervise-host.sh', import.meta.url)), ...nspawnArguments(lab, host)], {
    detached: true,
    stdio: ['ignore', console, console],
    cwd: '/',
    env: {
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      KEEPER_CGROUPS: cgroups.keeper.join(' '),
      BOOT_CGROUPS: cgroups.boot.join(' '),
      HOST_NETNS: paths.hostNamespace(host.name),
      HUB_NETNS: paths.hubNamespace,
      PORT: hubPort(lab, host.name),
      HOST_ADDRESS: `${host.ip}/24`,
      HOST_MAC: `02:77:00:00:${hex(lab.range)}:${hex(10 + number)}`,
      GATEWAY: hubAddress(lab.range),
      SHAPE_FILE: disk.shape,
      SYSTEMD_NSPAWN_API_VFS_WRITABLE: 'yes',
      SYSTEMD_NSPAWN_USE_CGNS: '1',
      SYSTEMD_NSPAWN_LOCK: '0',
    },
  });
  closeSync(console);
  // A supervisor that cannot be started shows as a host that does not come up; waitUntilUp tells that, with the console's end.
  child.on('error', () => undefined);
  child.unref();
}

/** The name of the host's port on the bridge, at most 15 characters. */
export function hubPort(lab: LabState, host: string): string {
  return `port${lab.hosts.findIndex(({ name }) => name === host)}`;
}

function nspawnArguments(lab: LabState, host: HostSpec): string[] {
  const paths = labPaths(lab.name);
  const disk = hostDisk(paths.hostDirectory(host.name));
  const binds = (host.binds ?? []).map((bind) => `--bind${bind.readonly === false ? '' : '-ro'}=${bind.from}:${bind.to}`);
  return [
    ...['--quiet', '--register=no', '--keep-unit', '--settings=no', '--console=pipe'],
    ...['-D', disk.root, '-M', paths.machineName(host.name), `--hostname=${host.name}`],
    ...['--resolv-conf=off', '--timezone=off', '--link-journal=no', '--kill-signal=SIGRTMIN+4'],
    `--network-namespace-path=/run/netns/${paths.hostNamespace(host.name)}`,
    '--capability=all',
    `--drop-capability=${droppedCapabilities.map((name) => `CAP_${name.toUpperCase()}`).join(',')}`,
    '--system-call-filter=add_key keyctl bpf perf_event_open @mount',
    ...[`--bind=${disk.varLib}:/var/lib`, '--bind=/dev/kmsg', ...binds],
    '/usr/local/lib/seal-lab/init',
  ];
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}
