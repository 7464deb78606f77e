import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkPlan } from './check-plan.ts';
import type { Plan } from './plan.ts';
import type { Content, Step } from './step.ts';

const step: Step = {
  id: 's1',
  title: 'true',
  node: 'a',
  kind: 'run-command',
  args: { argv: ['true'], env: {} },
  effect: 'idempotent',
  timeoutSeconds: 1,
};

function planOf(change: Partial<Plan> & { readonly steps?: readonly Step[] }): Plan {
  const { steps = [step], ...rest } = change;
  return {
    id: 'p',
    kind: 'install',
    cluster: 'demo',
    baseRevision: 0,
    summary: '',
    nodes: [{ id: 'a', name: 'a', ip: '10.0.0.1', role: 'master' }],
    phases: [{ name: 'only', title: '', destructive: false, parallelism: 1, steps }],
    ...rest,
  };
}

function writing(content: Content): Step {
  return { ...step, kind: 'write-files', args: { files: [{ path: '/a/b', mode: '0600', content }] } } as Step;
}

const [phase] = planOf({}).phases;
const invalid: readonly (readonly [title: string, plan: Plan, message: RegExp])[] = [
  ['without phases', planOf({ phases: [] }), /no phases/],
  ['with an empty phase', planOf({ steps: [] }), /phase only has no steps/],
  [
    'with two phases of one name',
    planOf({ phases: [phase!, { ...phase!, steps: [{ ...step, id: 's2' }] }] }),
    /phase name only is there twice/,
  ],
  ['with two steps of one id', planOf({ steps: [step, step] }), /step id s1 is there twice/],
  [
    'with a step on a node that it does not name',
    planOf({ steps: [{ ...step, node: 'b' }] }),
    /on node b, which the plan does not name/,
  ],
  ['with a guarded step that nothing can probe', planOf({ steps: [{ ...step, effect: 'guarded' }] }), /guarded and has no probe/],
  ['with a step that may run for ever', planOf({ steps: [{ ...step, timeoutSeconds: 0 }] }), /no timeout/],
  ['with a parallelism of nothing', planOf({ phases: [{ ...phase!, parallelism: 0 }] }), /parallelism 0/],
  [
    'with a private key in clear',
    planOf({ steps: [writing({ text: '-----BEGIN EC PRIVATE KEY-----' })] }),
    /holds a secret in clear/,
  ],
  [
    'with a join token in clear',
    planOf({ steps: [writing({ template: 'token: abcdef.0123456789abcdef', secrets: {} })] }),
    /holds a secret in clear/,
  ],
  ['with a secret for nothing', planOf({ steps: [writing({ template: 'x', secrets: { '%A%': 'ref' } })] }), /a secret for %A%/],
];

test('a plan that holds together passes', () => {
  checkPlan(planOf({}));
  checkPlan(planOf({ steps: [writing({ template: 'token: %A%', secrets: { '%A%': 'ref' } })] }));
});
for (const [title, plan, message] of invalid)
  test(`a plan ${title} is refused as a bug`, () => {
    assert.throws(() => checkPlan(plan), message);
  });
