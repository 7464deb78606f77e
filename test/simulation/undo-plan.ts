import { makePhases, type OperationView, type Plan } from '@seal/plan';

/** What an operation's undoing on a node is called; `nth` rollback that was asked for. */
export function undoToken(operation: number, node: string, nth?: number): string {
  return [operation, 'undo', node, ...(nth === undefined ? [] : [nth])].join('.');
}

/** The reverse of what an operation began: one guarded step on each of its nodes that was sent something; undefined when none was. */
export function undoPlan(original: Plan, view: OperationView, operation: number, nth: number): Plan | undefined {
  const begunOn = new Set([...view.steps.values()].filter(({ attempt }) => attempt > 0).map(({ node }) => node));
  const nodes = original.nodes.filter(({ id }) => begunOn.has(id));
  if (nodes.length === 0) return undefined;
  const id = `${original.id}-undo-${nth}`;
  const steps = nodes.map((node) => {
    const token = undoToken(operation, node.name, nth);
    return {
      ...{ title: token, node: node.id, kind: 'run-command' as const, args: { argv: ['do', token], env: {} } },
      ...{ effect: 'guarded' as const, probe: { argv: ['probe', token], env: {} }, timeoutSeconds: 60 },
    };
  });
  const phases = makePhases(id, [{ name: 'undo', title: 'undo', destructive: true, steps }]);
  return { ...original, id, kind: 'delete-nodes', summary: `roll back ${original.id}`, nodes, phases };
}
