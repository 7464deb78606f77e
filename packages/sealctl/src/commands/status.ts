import type { clusterProto, SealClient } from '@seal/protocol';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { examples, formatOption } from '../options.ts';
import { fields, printData, table } from '../print-data.ts';

/** `sealctl status [CLUSTER]` */
export function addStatus(program: Command, cli: Cli): void {
  program
    .command('status')
    .description('Show clusters and their members.')
    .argument('[cluster]', 'name of one cluster, for its members')
    .addOption(formatOption(cli))
    .addHelpText(
      'after',
      examples('sealctl status', 'sealctl status demo', "sealctl status demo -o json | jq -r '.members[].ip'"),
    )
    .action((name?: string) => status(cli, name));
}

async function status(cli: Cli, name: string | undefined): Promise<void> {
  const client = await cli.connect();
  if (name !== undefined) {
    const { cluster } = await client.clusters.getCluster({ name });
    return printData(cli, cluster, () => (cluster ? details(cli, client, cluster) : ''));
  }
  const { clusters } = await client.clusters.listClusters({});
  await printData(cli, clusters, async () => {
    if (clusters.length === 0) return 'There is no cluster. Make one with "sealctl run IMAGE -m ADDRESS -n ADDRESSES".';
    if (clusters.length === 1) return details(cli, client, clusters[0]!);
    return table(
      cli,
      ['cluster', 'state', 'runtime', 'masters', 'workers', 'connected', 'image', 'operation'],
      clusters.map((cluster) => [
        cluster.name,
        cluster.state,
        runtimeText(cluster),
        String(cluster.members.filter((member) => member.role === 'master').length),
        String(cluster.members.filter((member) => member.role !== 'master').length),
        `${cluster.members.filter((member) => member.connected).length}/${cluster.members.length}`,
        cluster.image,
        cluster.operation,
      ]),
    );
  });
}

/** The operation that holds the cluster, how it stands, and what one can do when it stopped. */
async function operationText(client: SealClient, { name, operation: id }: clusterProto.ClusterSummary): Promise<string> {
  if (id === '') return '';
  const { operations } = await client.operations.listOperations({ cluster: name, limit: 0 });
  const status = operations.find((operation) => operation.id === id)?.status ?? '';
  const stopped = status === 'FAILED' || status === 'CANCELLED';
  return `${id} ${status}${stopped ? ` (see "sealctl operation show ${id}"; go on: "sealctl operation resume ${id}")` : ''}`.trim();
}

async function details(cli: Cli, client: SealClient, cluster: clusterProto.ClusterSummary): Promise<string> {
  const head = await fields(cli, [
    ['Cluster', cluster.name],
    ['State', cluster.state],
    ['Image', cluster.image],
    ['Runtime', runtimeText(cluster)],
    ['Operation', await operationText(client, cluster)],
  ]);
  const members = await table(
    cli,
    ['node', 'ip', 'role', 'state', 'agent'],
    cluster.members.map((member) => [member.name, member.ip, member.role, member.state, member.connected ? 'connected' : 'away']),
  );
  return `${head}\n\n${members}`;
}

function runtimeText(cluster: clusterProto.ClusterSummary): string {
  return `${cluster.runtime} ${cluster.runtimeVersion}`.trim();
}
