import { Problem } from '@seal/foundation';
import { isScalar, type Node } from 'yaml';
import type { HostSpec } from './cluster.ts';
import type { ClusterfileReader } from './clusterfile-reader.ts';

type Role = HostSpec['role'];

/** The hosts of a Clusterfile, group by group; an address that was named before is a mistake that names both places' groups. */
export class HostList {
  readonly hosts: HostSpec[] = [];
  readonly #reader: ClusterfileReader;
  readonly #groupOf = new Map<string, string>();

  constructor(reader: ClusterfileReader) {
    this.#reader = reader;
  }

  /** Collects one entry of `spec.hosts`; nothing is added before `end`. */
  group(place: Node, what: string) {
    const reader = this.#reader;
    const ips: string[] = [];
    const seen = this.#groupOf;
    let role: Role | undefined;
    let roleGiven = false;
    let details: Pick<HostSpec, 'env' | 'labels' | 'taints'> = { env: {}, labels: {}, taints: [] };
    return {
      addresses(node: Node, expand: () => string[]) {
        for (const ip of expanded(reader, node, expand)) {
          const other = seen.get(ip);
          if (other === undefined) ips.push(ip);
          else reader.wrong(node, `host ${ip} is named twice: here and in ${other}`);
          seen.set(ip, other ?? what);
        }
      },
      role(found: Role | undefined) {
        role = found;
        roleGiven = true;
      },
      details(more: Partial<typeof details>) {
        details = { ...details, ...more };
      },
      end: () => {
        if (!roleGiven) reader.wrong(place, `${what} has no roles; expected [master] or [node]`);
        if (role) this.hosts.push(...ips.map((ip) => ({ ip, role: role as Role, ...details })));
      },
    };
  }
}

/** sealer's `roles: [master]` or `[node]`. */
export function readSealerRoles(reader: ClusterfileReader, value: Node | null, what: string): Role | undefined {
  const roles = reader.texts(value, `${what}.roles`);
  for (const { node, text } of roles)
    if (!['master', 'node', 'worker'].includes(text))
      return reader.wrong(node, `role "${text}" is unknown; expected master or node`);
  const names = new Set(roles.map(({ text }): Role => (text === 'master' ? 'master' : 'worker')));
  if (names.size === 1) return [...names][0];
  return reader.wrong(value, `${what}.roles must name one of master and node`);
}

export function readLabels(reader: ClusterfileReader, value: Node | null, what: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const { key, value: item } of reader.map(value, what)?.items ?? []) {
    const name = isScalar(key) ? String(key.value) : '';
    const text = reader.text(item as Node | null, `${what}.${name}`);
    if (!/^([a-z0-9]([-.a-z0-9]*[a-z0-9])?\/)?[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?$/.test(name))
      reader.wrong(key as Node, `"${name}" is no name of a label`);
    else if (text !== undefined && !/^([A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?)?$/.test(text))
      reader.wrong(item as Node, `"${text}" is no value of a label; expected at most 63 letters, digits, "-", "_" and "."`);
    else if (text !== undefined) labels[name] = text;
  }
  return labels;
}

export function readTaints(reader: ClusterfileReader, value: Node | null, what: string): string[] {
  return reader.texts(value, what).flatMap(({ node, text }) => {
    if (/^[A-Za-z0-9][-_./A-Za-z0-9]*(=[-_.A-Za-z0-9]*)?:(NoSchedule|PreferNoSchedule|NoExecute)$/.test(text)) return [text];
    reader.wrong(node, `"${text}" is no taint; expected KEY=VALUE:EFFECT with NoSchedule, PreferNoSchedule or NoExecute`);
    return [];
  });
}

function expanded(reader: ClusterfileReader, node: Node, expand: () => string[]): string[] {
  try {
    return expand();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    reader.wrong(node, error.message);
    return [];
  }
}
