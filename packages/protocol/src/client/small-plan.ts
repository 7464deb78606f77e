import { makePhases, type Plan } from '@seal/plan';

/** A plan for tests: two phases, "distribute" on m1 and n1 and "join-workers" on n1 only. */
export function smallPlan(): Plan {
  const command = (node: string, title: string) =>
    ({
      title,
      node,
      kind: 'run-command',
      args: { argv: ['/bin/true'], env: {} },
      effect: 'idempotent',
      timeoutSeconds: 60,
    }) as const;
  return {
    id: 'plan-1',
    kind: 'install',
    cluster: 'demo',
    baseRevision: 0,
    summary: 'install cluster demo: 1 master, 1 worker, image kubernetes:1.20.2',
    nodes: [
      { id: 'node-m1', name: 'm1', ip: '10.77.1.11', role: 'master' },
      { id: 'node-n1', name: 'n1', ip: '10.77.1.12', role: 'worker' },
    ],
    phases: makePhases('plan-1', [
      {
        name: 'distribute',
        title: 'Distribute the image',
        steps: [command('node-m1', 'fetch layers'), command('node-n1', 'fetch layers')],
      },
      { name: 'join-workers', title: 'Join the workers', destructive: false, steps: [command('node-n1', 'kubeadm join')] },
    ]),
  };
}
