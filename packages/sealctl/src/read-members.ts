import { Problem } from '@seal/foundation';
import { type HostFlags, readHosts } from './read-hosts.ts';

/** A name has a letter, and no `:` as IPv6 addresses do. */
const namePattern = /^[^:\s]*[a-z][^:\s]*$/i;

/**
 * The nodes of a cluster that -m and -n name: by node name, by address, or by a range of addresses, which is expanded.
 * Problems: HOSTS_INVALID; USAGE when there is none.
 */
export async function readMembers(flags: HostFlags): Promise<string[]> {
  const parts = (values: readonly string[] = []) => values.flatMap((value) => value.split(',')).map((part) => part.trim());
  if ([...parts(flags.masters), ...parts(flags.nodes)].includes(''))
    throw new Problem('HOSTS_INVALID', 'a list of hosts has an empty entry; expected names, addresses or ranges between commas');
  const isName = (part: string) => namePattern.test(part);
  const addressesOf = (values?: readonly string[]) => parts(values).filter((part) => !isName(part));
  const names = [...parts(flags.masters), ...parts(flags.nodes)].filter(isName);
  const rest = { masters: addressesOf(flags.masters), nodes: addressesOf(flags.nodes) };
  if (names.length > 0 && rest.masters.length + rest.nodes.length === 0) return [...new Set(names)];
  const { masters, workers } = await readHosts(rest);
  return [...new Set([...masters, ...workers, ...names])];
}
