import type { Cluster, HostSpec } from '@seal/clusterfile';
import { canonicalJson, Problem } from '@seal/foundation';
import type { ClusterRecord } from '@seal/runtime';

/** What brings a recorded cluster nearer to what a Clusterfile asks for: the next verb, and every difference in one line each. */
export interface ClusterDifference {
  readonly next:
    | { readonly verb: 'run' }
    | { readonly verb: 'scale-up'; readonly hosts: readonly HostSpec[] }
    | { readonly verb: 'install-apps'; readonly images: readonly string[] }
    | { readonly verb: 'delete-nodes'; readonly ips: readonly string[] }
    | undefined;
  readonly differences: readonly string[];
}

/** Digests of the images of a Cluster: of the one that makes it, and of `images` in their order. */
export interface AskedDigests {
  readonly rootfs: string;
  readonly others: readonly string[];
}

/**
 * Compares asked with recorded. Hosts are added before images are, and those before hosts are removed. Of a cluster that exists nothing else can
 * change.
 * Problems: CHANGE_UNSUPPORTED naming everything else that differs, OPERATION_STATE (the cluster is being deleted).
 */
export function clusterDifference(desired: Cluster, digests: AskedDigests, record: ClusterRecord | undefined): ClusterDifference {
  if (!record) return { next: { verb: 'run' }, differences: [`cluster ${desired.name} does not exist yet`] };
  if (record.state === 'deleting')
    throw new Problem('OPERATION_STATE', `cluster ${record.name} is being deleted`, {
      remedy: 'Let the deletion end ("sealctl delete -a" takes it up again), then apply.',
    });
  if (record.state === 'installing')
    return { next: { verb: 'run' }, differences: [`the installation of cluster ${record.name} has not ended`] };
  const there = new Set((record.apps ?? []).filter((app) => app.state === 'installed').map((app) => app.imageDigest));
  const images = (desired.images ?? []).filter((_name, index) => !there.has(digests.others[index]!));
  refuseOtherChanges(desired, digests.rootfs, images.length > 0, record);
  const ready = new Set(record.members.filter((member) => member.state === 'ready').map((member) => member.ip));
  const asked = new Set(desired.hosts.map((host) => host.ip));
  const added = desired.hosts.filter((host) => !ready.has(host.ip));
  const removed = record.members.filter((member) => !asked.has(member.ip));
  return {
    next:
      added.length > 0
        ? { verb: 'scale-up', hosts: added }
        : images.length > 0
          ? { verb: 'install-apps', images }
          : removed.length > 0
            ? { verb: 'delete-nodes', ips: removed.map((member) => member.ip) }
            : undefined,
    differences: [
      ...added.map((host) => `+ ${host.role} ${host.ip}`),
      ...images.map((image) => `+ image ${image}`),
      ...removed.map((member) => `- ${member.role} ${member.ip} (${member.name})`),
    ],
  };
}

const fixed = ['env', 'cmds', 'hostAliases', 'kubeadm', 'dataRoot', 'containerRuntime', 'registry'] as const;

/** What is said of apps takes effect with the images that are added; of those that are there it cannot be changed. */
const ofApps = ['launchApps', 'apps', 'configs'] as const;

function refuseOtherChanges(desired: Cluster, imageDigest: string, addsImages: boolean, record: ClusterRecord): void {
  const known = new Map(record.spec.hosts.map((host) => [host.ip, host]));
  const roles = new Map(record.members.map((member) => [member.ip, member.role]));
  const changes = [
    ...(imageDigest === record.imageDigest ? [] : [`image (${record.spec.image} → ${desired.image})`]),
    ...fixed.filter((field) => differs(desired[field], record.spec[field])),
    ...(addsImages ? [] : ofApps).filter((field) => differs(desired[field], record.spec[field])),
    ...imagesThatGo(desired, record).map((image) => `image ${image} ("sealctl app uninstall" takes apps away)`),
    ...desired.hosts.flatMap((host) => {
      const [role, before] = [roles.get(host.ip), known.get(host.ip)];
      if (role === undefined) return [];
      if (role !== host.role) return [`role of ${host.ip} (${role} → ${host.role})`];
      const fields = (['env', 'labels', 'taints'] as const).filter((field) => before && differs(host[field], before[field]));
      return fields.map((field) => `${field} of ${host.ip}`);
    }),
  ];
  if (changes.length > 0)
    throw new Problem(
      'CHANGE_UNSUPPORTED',
      `of cluster ${record.name}, which exists, these cannot be changed: ${changes.join(', ')}`,
      {
        details: { changes },
      },
    );
}

/** Images that the Clusterfile does not name any more, and of which something is there still. */
function imagesThatGo(desired: Cluster, { spec, apps = [] }: ClusterRecord): string[] {
  const asked = new Set(desired.images);
  return (spec.images ?? []).filter((image) => !asked.has(image) && apps.some((app) => sameImage(app.image, image)));
}

/** A recorded reference is the whole name of what the user may have written shorter. */
function sameImage(reference: string, written: string): boolean {
  return reference === written || reference.endsWith(`/${written}`) || reference.startsWith(`${written}:`);
}

function differs(a: unknown, b: unknown): boolean {
  return canonicalJson(a ?? null) !== canonicalJson(b ?? null);
}
