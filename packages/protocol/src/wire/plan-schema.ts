import * as z from 'zod';
import { argsByKind, effect, probe, record } from './step-args.ts';

type Kind = keyof typeof argsByKind;

const stepOf = <K extends Kind>(kind: K) =>
  z.strictObject({
    id: z.string().describe('Hash of the plan, the phase and everything that the step is made of.'),
    title: z.string().describe('One line for people.'),
    node: z.string().describe('Id of the node on which it runs.'),
    about: z.string().optional().describe('Id of the node in whose place it stands, where that is another one.'),
    kind: z.literal(kind),
    args: argsByKind[kind],
    effect: effect.describe(
      'After a crash in the middle: "idempotent" is run again, "guarded" asks its probe first, "irreversible" only asks.',
    ),
    timeoutSeconds: z.number().positive(),
    probe: probe.optional().describe('Exit code 0 says that the effect is there.'),
    records: z.array(record).optional().describe('What its success changes in the recorded cluster.'),
    mayFail: z.boolean().optional().describe('A failure is told of and stops nothing.'),
    gate: z.boolean().optional().describe('Changes nothing; only holds up what comes after it.'),
  });

const step = z.discriminatedUnion('kind', [
  stepOf('fetch-layers'),
  stepOf('mount-rootfs'),
  stepOf('lay-over'),
  stepOf('render-templates'),
  stepOf('unmount-rootfs'),
  stepOf('write-files'),
  stepOf('remove-paths'),
  stepOf('host-aliases'),
  stepOf('run-script'),
  stepOf('run-command'),
  stepOf('wait-for'),
  stepOf('manage-unit'),
]);

const node = z.strictObject({
  id: z.string().describe('Id of the agent on this node.'),
  name: z.string().describe('Its name, here and in Kubernetes.'),
  ip: z.string(),
  role: z.enum(['master', 'worker', 'none']).describe('"none": the plan only runs a command there.'),
});

const phase = z.strictObject({
  name: z.string().describe('Unique in its plan, stable between versions where the phase does the same.'),
  title: z.string().describe('One line for people.'),
  destructive: z.boolean().describe('The phase takes something away that somebody may miss.'),
  parallelism: z.number().int().min(1).describe('Nodes that are worked on at once.'),
  timeoutSeconds: z.number().positive().optional().describe('Longest time from begin to end. Absent: only steps have limits.'),
  needsAll: z
    .boolean()
    .optional()
    .describe('Begins only if no node has failed before, whatever the operation does about failures.'),
  steps: z.array(step).min(1).describe('Those of one node run in this order, one at a time; different nodes run side by side.'),
});

/** The JSON form of a plan: what `sealctl plan … -o json` prints. docs/plan.schema.json is made from it. */
export const planSchema = z
  .strictObject({
    id: z.string().describe('Given to "sealctl apply --plan" where the plan was saved.'),
    kind: z.enum(['install', 'scale-up', 'delete-nodes', 'delete-cluster', 'install-apps', 'uninstall-app', 'exec']),
    cluster: z.string().describe('Empty: commands on nodes outside of any cluster.'),
    baseRevision: z
      .number()
      .int()
      .min(0)
      .describe('Revision of the recorded cluster on which this was decided; 0: there is none.'),
    summary: z.string().describe('One line for people, with every override that was asked for.'),
    nodes: z.array(node).describe('Nothing outside of these is ever touched.'),
    phases: z.array(phase).describe('In the order in which they run, one after another.'),
  })
  .meta({
    title: 'Plan',
    description: 'What Seal decided to do. Printed by "sealctl plan ... -o json"; see docs/operations.md.',
  });

/** JSON Schema (2020-12) of a plan. */
export function planJsonSchema(): object {
  return { $id: 'plan.schema.json', ...z.toJSONSchema(planSchema, { reused: 'ref' }) };
}
