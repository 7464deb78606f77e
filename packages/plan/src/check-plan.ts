import type { Plan } from './plan.ts';
import type { Content, Step } from './step.ts';

/**
 * Asserts what must hold of every plan before it is recorded: names and ids are unique, no phase is empty, every step is on a node of the
 * plan, guarded steps have a probe, secrets are references, records name nodes. A violation is a bug of a planner and throws a plain Error.
 */
export function checkPlan(plan: Plan): void {
  const nodes = unique(
    plan.nodes.map((node) => node.id),
    'node id',
  );
  unique(
    plan.nodes.map((node) => node.name),
    'node name',
  );
  unique(
    plan.phases.map((phase) => phase.name),
    'phase name',
  );
  unique(
    plan.phases.flatMap((phase) => phase.steps.map((step) => step.id)),
    'step id',
  );
  for (const phase of plan.phases) {
    assert(/^[a-z0-9][-.a-z0-9]*$/.test(phase.name), `phase name "${phase.name}" is not kebab-case`);
    assert(phase.steps.length > 0, `phase ${phase.name} has no steps`);
    assert(
      Number.isInteger(phase.parallelism) && phase.parallelism >= 1,
      `phase ${phase.name} has parallelism ${phase.parallelism}`,
    );
    for (const step of phase.steps) checkStep(step, phase.name, nodes);
  }
  // A cluster whose hosts are all gone, or an app that nothing takes back, is only forgotten.
  const onlyForgets = plan.kind === 'delete-cluster' || plan.kind === 'uninstall-app';
  assert(plan.phases.length > 0 || onlyForgets, 'the plan has no phases');
}

function checkStep(step: Step, phase: string, nodes: ReadonlySet<string>): void {
  const what = `step "${step.title}" of phase ${phase}`;
  assert(nodes.has(step.node), `${what} is on node ${step.node}, which the plan does not name`);
  assert(step.timeoutSeconds > 0, `${what} has no timeout`);
  assert(step.effect !== 'guarded' || step.probe !== undefined, `${what} is guarded and has no probe`);
  for (const content of contentsOf(step)) checkContent(content, what);
}

function contentsOf(step: Step): Content[] {
  if (step.kind === 'write-files') return step.args.files.map((file) => file.content);
  return step.kind === 'run-command' && step.args.stdin ? [step.args.stdin] : [];
}

/** A private key or a join token in clear would be stored with the plan and shown by a dry run. */
function checkContent(content: Content, what: string): void {
  const text = 'text' in content ? content.text : 'template' in content ? content.template : '';
  assert(!/PRIVATE KEY|\b[a-z0-9]{6}\.[a-z0-9]{16}\b/.test(text), `${what} holds a secret in clear`);
  if ('template' in content)
    for (const mark of Object.keys(content.secrets))
      assert(content.template.includes(mark), `${what} has a secret for ${mark}, which its template lacks`);
}

function unique(names: readonly string[], what: string): ReadonlySet<string> {
  const seen = new Set<string>();
  for (const name of names) {
    assert(!seen.has(name), `${what} ${name} is there twice`);
    seen.add(name);
  }
  return seen;
}

function assert(holds: boolean, message: string): void {
  if (!holds) throw new Error(`invalid plan: ${message}`);
}
