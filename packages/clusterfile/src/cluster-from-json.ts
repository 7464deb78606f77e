import { Problem } from '@seal/foundation';
import * as z from 'zod';
import { checkCluster } from './check-cluster.ts';
import type { AppsWanted, Cluster } from './cluster.ts';
import { clusterDefaults } from './cluster-defaults.ts';
import { expandHosts } from './expand-hosts.ts';
import { kubeadmKinds } from './kubeadm-documents.ts';
import { dataRootPattern } from './read-sealer-cluster.ts';

const env = z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string());
const address = z.string().refine(isOneAddress, 'must be one IP address in canonical form');
const relativePath = z.string().regex(/^(?!\.{1,2}(\/|$))[^/\0]+(\/(?!\.{1,2}(\/|$))[^/\0]+)*$/, 'must be a plain relative path');
const strings = z.array(z.string());
/** Fields of AppsWanted. */
const appsFields = {
  launchApps: strings.optional(),
  apps: z.array(z.strictObject({ name: z.string().min(1), env, launch: strings, uninstall: strings })).optional(),
  configs: z
    .array(
      z.strictObject({
        path: relativePath,
        data: z.string(),
        strategy: z.enum(['overwrite', 'merge', 'secret']),
        app: z.string().min(1).optional(),
      }),
    )
    .optional(),
};
const clusterShape = z.strictObject({
  ...appsFields,
  name: z.string(),
  image: z.string(),
  images: strings.optional(),
  env: env.default({}),
  cmds: z.array(z.string()).default([]),
  hosts: z.array(
    z.strictObject({
      ip: address,
      role: z.enum(['master', 'worker']),
      env: env.default({}),
      labels: z.record(z.string(), z.string()).default({}),
      taints: z.array(z.string()).default([]),
    }),
  ),
  hostAliases: z
    .array(z.strictObject({ ip: address, names: z.array(z.string().regex(/^[A-Za-z0-9][-.A-Za-z0-9]*$/)) }))
    .default([]),
  kubeadm: z.partialRecord(z.enum(kubeadmKinds), z.record(z.string(), z.unknown())).default({}),
  dataRoot: z.string().regex(dataRootPattern).default(clusterDefaults.dataRoot),
  containerRuntime: z.enum(['containerd', 'docker']).optional(),
  registry: z.strictObject({ domain: z.string().regex(/^[a-z0-9][-.a-z0-9]*$/), port: z.int().min(1).max(65535) }).optional(),
});

/** What is asked for of apps on a cluster that exists, as it came over the wire. Problem: CLUSTERFILE_INVALID. */
export function appsFromJson(value: unknown): AppsWanted {
  return checked(z.strictObject(appsFields).safeParse(value ?? {}), 'what is said of the apps') as AppsWanted;
}

/**
 * A Cluster that came over the wire as JSON, checked: the server trusts no client to have parsed well.
 *
 * Problems: CLUSTERFILE_INVALID (wrong shape), HOSTS_INVALID (a host named twice), NO_MASTER, USAGE (no image, bad name).
 */
export function clusterFromJson(value: unknown): Cluster {
  const cluster = checked(clusterShape.safeParse(value), 'the cluster') as Cluster;
  const seen = new Set<string>();
  for (const { ip } of cluster.hosts) {
    if (seen.has(ip)) throw new Problem('HOSTS_INVALID', `host ${ip} is named twice`);
    seen.add(ip);
  }
  return checkCluster(cluster);
}

function checked<T>(parsed: z.ZodSafeParseResult<T>, what: string): T {
  if (parsed.success) return parsed.data;
  const findings = parsed.error.issues.map((issue) => `${issue.path.join('.') || what}: ${issue.message}`);
  throw new Problem('CLUSTERFILE_INVALID', `${what} as it was sent is not valid: ${findings.join('; ')}`, {
    details: { findings },
  });
}

function isOneAddress(text: string): boolean {
  try {
    const found = expandHosts(text);
    return found.length === 1 && found[0] === text;
  } catch {
    // Only HOSTS_INVALID can come; zod reports it with the path.
    return false;
  }
}
