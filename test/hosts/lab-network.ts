import { readdirSync } from 'node:fs';
import { hubAddress } from './address-range.ts';
import { labPaths } from './lab-paths.ts';
import { mustRunCommand } from './must-run-command.ts';

/** Makes the namespace with the bridge that all hosts of the lab hang on. Nothing of it is visible on the machine itself. */
export async function createHub(lab: string, range: number): Promise<void> {
  const { hubNamespace } = labPaths(lab);
  await mustRunCommand('ip', ['netns', 'add', hubNamespace]);
  // With forwarding but no way out, a host that asks for the internet is refused at once instead of waiting for a timeout.
  await inNamespace(hubNamespace, [
    'sh',
    '-c',
    'echo 1 > /proc/sys/net/ipv4/ip_forward; for s in all default; do echo 1 > /proc/sys/net/ipv6/conf/$s/disable_ipv6; done',
  ]);
  const batch = [
    'link set lo up',
    'link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0',
    `addr add ${hubAddress(range)}/24 dev br0`,
    'link set br0 up',
  ];
  await mustRunCommand('ip', ['-n', hubNamespace, '-batch', '-'], { input: `${batch.join('\n')}\n` });
}

/** The lab's network namespaces that exist on the machine. */
export function labNamespaces(lab: string): string[] {
  const { hubNamespace } = labPaths(lab);
  let names: string[];
  try {
    names = readdirSync('/run/netns');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return names.filter((name) => name === hubNamespace || name.startsWith(`${hubNamespace}.`));
}

export async function inNamespace(namespace: string, argv: readonly string[]): Promise<void> {
  await mustRunCommand('nsenter', [`--net=/run/netns/${namespace}`, '--', ...argv]);
}
