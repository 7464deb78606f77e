import type { nodeProto } from '@seal/protocol';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { confirm } from '../confirm.ts';
import { examples, formatOption } from '../options.ts';
import { fields, printData, table } from '../print-data.ts';
import { sinceText, sizeText } from '../view/durations.ts';

/** `sealctl nodes [NODE]` and `sealctl nodes remove NODE` */
export function addNodes(program: Command, cli: Cli): void {
  const nodes = program
    .command('nodes')
    .helpCommand(false)
    .description('Show the enrolled nodes.')
    .argument('[node]', 'name, id or address of one node, for its details')
    .addOption(formatOption(cli))
    .addHelpText('after', examples('sealctl nodes', 'sealctl nodes n1', 'sealctl nodes 10.0.0.12 -o yaml'))
    .action((node?: string) => (node === undefined ? list(cli) : show(cli, node)));
  nodes
    .command('remove')
    .description("Take a node's enrolment away for good; its agent is cut off. Refused while the node is in a cluster.")
    .argument('<node>', 'name, id or address')
    .option('-y, --yes', 'do not ask')
    .addHelpText('after', examples('sealctl nodes remove n3', 'sealctl nodes remove n3 --yes'))
    .action(async (node: string, flags: { yes?: boolean }) => {
      const client = await cli.connect();
      const found = (await client.nodes.getNode({ node })).node;
      await confirm(cli, `Remove node ${found?.name || node} (${found?.addresses.join(', ')})?`, flags.yes === true);
      await client.nodes.removeNode({ node });
      cli.note(`Node ${found?.name || node} is removed.`);
    });
}

async function list(cli: Cli): Promise<void> {
  const { nodes } = await (await cli.connect()).nodes.listNodes({});
  const now = cli.io.clock.now();
  await printData(
    cli,
    nodes.map(({ facts: _facts, ...node }) => node),
    () =>
      nodes.length === 0
        ? 'There is no node. "sealctl token create" prints the line that installs an agent.'
        : table(
            cli,
            ['node', 'address', 'agent', 'cluster', 'role', 'version', 'arch', 'id'],
            nodes.map((node) => [
              node.name,
              node.addresses[0] ?? '',
              agentText(node, now),
              node.cluster,
              node.role,
              node.agentVersion,
              node.arch,
              node.id,
            ]),
          ),
  );
}

async function show(cli: Cli, name: string): Promise<void> {
  const { node } = await (await cli.connect()).nodes.getNode({ node: name });
  if (!node) return;
  const now = cli.io.clock.now();
  const facts = node.facts ?? {};
  const number = (key: string) => (typeof facts[key] === 'number' ? facts[key] : undefined);
  const size = (key: string) => (number(key) === undefined ? '' : sizeText(number(key)!));
  const os = facts.os as { id?: string; version?: string; kernel?: string } | undefined;
  await printData(cli, node, () =>
    fields(cli, [
      ['Node', node.name],
      ['Id', node.id],
      ['Addresses', node.addresses.join(', ')],
      ['Agent', `${agentText(node, now)}, version ${node.agentVersion || 'unknown'}`],
      ['Cluster', node.cluster ? `${node.cluster} (${node.role})` : ''],
      ['Enrolled', sinceText(node.enrolledAtMs, now)],
      ['Certificate ends', sinceText(node.certificateExpiresAtMs, now)],
      ['System', os ? `${os.id} ${os.version}, Linux ${os.kernel}, ${node.arch}` : node.arch],
      ['CPUs', number('cpus') === undefined ? '' : String(number('cpus'))],
      ['Memory', size('memoryBytes')],
      ['Swap', size('swapBytes')],
      ['Disk free', size('diskFreeBytes')],
    ]),
  );
}

function agentText(node: nodeProto.Node, now: number): string {
  return node.connected ? 'connected' : `away, seen ${sinceText(node.lastSeenAtMs, now)}`;
}
