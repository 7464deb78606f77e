import { Problem } from '@seal/foundation';
import type { Plan } from '@seal/plan';
import type { SeenNode } from '@seal/runtime';
import { assemblePlan } from './assemble-plan.ts';

export interface ExecInput {
  readonly planId: string;
  readonly nodes: readonly SeenNode[];
  readonly argv: readonly string[];
  readonly timeoutSeconds: number;
}

const execAtOnce = 50;
const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The plan that runs one command on nodes. Whether it may be run twice nobody knows, so one whose end was lost is UNKNOWN. Problem: NODE_NOT_CONNECTED. */
export function planExec({ planId, nodes, argv, timeoutSeconds }: ExecInput): Plan {
  const away = nodes.filter((node) => !node.connected);
  if (away.length > 0)
    throw new Problem('NODE_NOT_CONNECTED', `not connected to the server: ${away.map((node) => node.name).join(', ')}`);
  const line = argv.join(' ');
  return assemblePlan({
    planId,
    kind: 'exec',
    cluster: '',
    baseRevision: 0,
    summary: `run "${line}" on ${nodes.map((node) => node.name).join(', ')}`,
    nodes: nodes.map((node) => ({ id: node.id, name: node.name, ip: node.facts.addresses[0] ?? '', role: 'none' })),
    phases: [
      {
        name: 'exec',
        title: line,
        parallelism: execAtOnce,
        steps: nodes.map((node) => ({
          title: line,
          node: node.id,
          kind: 'run-command',
          args: { argv, env: { PATH: path, HOME: '/root', LANG: 'C.UTF-8' }, cwd: '/' },
          effect: 'irreversible',
          timeoutSeconds,
        })),
      },
    ],
  });
}
