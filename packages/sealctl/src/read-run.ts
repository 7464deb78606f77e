import type { AppsWanted, Cluster } from '@seal/clusterfile';
import { Problem } from '@seal/foundation';
import type { Change } from './change-cluster.ts';
import type { Cli } from './cli.ts';
import { openLocalStore } from './image-store.ts';
import { type PolicyFlags, readPolicy } from './policy-flags.ts';
import { pushImage } from './push-image.ts';
import { type RunFlags, readCluster, readFile } from './read-cluster.ts';

/** What `run` asks for: a cluster, or images for a cluster that exists. */
export type RunRequest =
  | { readonly kind: 'cluster'; readonly cluster: Cluster }
  | {
      readonly kind: 'apps';
      /** Empty: the only cluster there is. */
      readonly cluster: string;
      readonly images: readonly string[];
      readonly wanted: AppsWanted;
      readonly cmds: readonly string[];
      readonly env: Readonly<Record<string, string>>;
    };

/** Where hosts are named a cluster is made of them; else the images are for one that exists. Problems: USAGE, those of `readCluster`. */
export async function readRun(cli: Cli, images: readonly string[], flags: RunFlags): Promise<RunRequest> {
  const [image, ...more] = images;
  const parsed = flags.file === undefined ? undefined : await readFile(cli, flags.file);
  const hasHosts = (flags.masters ?? flags.nodes) !== undefined || (parsed?.cluster.hosts.length ?? 0) > 0;
  if (hasHosts) {
    if (flags.cluster !== undefined)
      throw new Problem('USAGE', '--cluster names a cluster that exists, and hosts were named, of which a new one is made', {
        remedy: 'Name the new cluster with --name; or leave out -m and -n.',
      });
    return { kind: 'cluster', cluster: await readCluster(cli, image, { ...flags, images: more }, parsed) };
  }
  const fromFile = parsed && parsed.cluster.image !== '' ? [parsed.cluster.image, ...(parsed.cluster.images ?? [])] : [];
  const wantedImages = images.length > 0 ? images : fromFile;
  if (wantedImages.length === 0)
    throw new Problem('USAGE', 'no ClusterImage was named', {
      remedy: 'Name one or several as arguments of "sealctl run", or as spec.image of the Clusterfile.',
    });
  if (flags.name !== undefined)
    throw new Problem('USAGE', '--name names a new cluster, and no hosts were named to make it of', {
      remedy: 'Name hosts with -m and -n; or the cluster that exists with --cluster.',
    });
  const { readEnv } = await import('@seal/clusterfile');
  const { env = {}, cmds = [] } = parsed?.cluster ?? {};
  return {
    kind: 'apps',
    cluster: flags.cluster ?? (parsed?.hasCluster ? parsed.cluster.name : ''),
    images: wantedImages,
    wanted: appsWanted(parsed?.cluster, flags),
    cmds: flags.cmds ?? cmds,
    env: { ...env, ...readEnv(flags.env ?? []) },
  };
}

/** The call that a run is; sends the images that the server lacks first. Problems: those of `readRun` and of `pushImage`. */
export async function runChange(
  cli: Cli,
  images: readonly string[],
  flags: RunFlags & PolicyFlags & { readonly force?: boolean; readonly save?: boolean },
): Promise<Change> {
  const request = await readRun(cli, images, flags);
  const client = await cli.connect();
  const store = await openLocalStore(cli, flags.store);
  const pushed = async (names: readonly string[]) => {
    const references: string[] = [];
    for (const name of names) references.push(await pushImage(cli, client, store, name));
    return references;
  };
  const common = (dryRun: boolean) => ({ dryRun, policy: readPolicy(flags), save: dryRun && flags.save === true });
  const options = { timeoutSeconds: 60 };
  if (request.kind === 'cluster') {
    const { image, images: others = [], ...rest } = request.cluster;
    const [first = '', ...more] = await pushed([image, ...others]);
    const cluster = { ...rest, image: first, ...(more.length > 0 ? { images: more } : {}) };
    return (dryRun) => client.clusters.run({ cluster, ...common(dryRun) }, options);
  }
  const { wanted, cmds, env } = request;
  const apps = { images: await pushed(request.images), wanted: { ...wanted }, cmds: [...cmds], env: { ...env } };
  const { cluster } = request;
  const force = flags.force === true;
  return (dryRun) => client.clusters.installApps({ cluster, ...apps, force, ...common(dryRun) }, options);
}

/** What a file and flags say of apps. */
function appsWanted(cluster: Cluster | undefined, flags: RunFlags): AppsWanted {
  const launchApps = flags.apps?.flatMap((names) => names.split(',')) ?? cluster?.launchApps;
  return {
    ...(launchApps ? { launchApps } : {}),
    ...(cluster?.apps ? { apps: cluster.apps } : {}),
    ...(cluster?.configs ? { configs: cluster.configs } : {}),
  };
}
