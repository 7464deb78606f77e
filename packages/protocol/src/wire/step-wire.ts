import { Problem } from '@seal/foundation';
import type { Step } from '@seal/plan';
import * as z from 'zod';
import type { Step as WireStep } from '../gen/seal/v1/plan.ts';

const env = z.record(z.string(), z.string());
const content = z.union([
  z.strictObject({ text: z.string() }),
  z.strictObject({ base64: z.base64() }),
  z.strictObject({ secret: z.string().min(1) }),
  z.strictObject({ template: z.string(), secrets: z.record(z.string().min(1), z.string().min(1)) }),
]);
const layer = z.strictObject({
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  mediaType: z.string(),
  sizeBytes: z.number().int().min(0),
});
const absolutePath = z.string().startsWith('/');
const argv = z.array(z.string()).min(1);

/** Shape of the args of every kind of step: what an agent accepts from the wire. Unknown fields are refused. */
const argsByKind = {
  'fetch-layers': z.strictObject({ image: z.string(), layers: z.array(layer) }),
  'mount-rootfs': z.strictObject({ mountPoint: absolutePath, layers: z.array(layer), env }),
  'unmount-rootfs': z.strictObject({ mountPoint: absolutePath }),
  'write-files': z.strictObject({
    files: z.array(z.strictObject({ path: absolutePath, mode: z.string().regex(/^0?[0-7]{3,4}$/), content })),
  }),
  'remove-paths': z.strictObject({ paths: z.array(absolutePath) }),
  'host-aliases': z.strictObject({
    block: z.string().min(1),
    entries: z.array(z.strictObject({ ip: z.string(), names: z.array(z.string()) })),
  }),
  'run-script': z.strictObject({
    rootfs: absolutePath,
    script: z.string().min(1),
    args: z.array(z.string()),
    env,
    optional: z.boolean(),
  }),
  'run-command': z.strictObject({
    argv,
    env,
    cwd: absolutePath.optional(),
    stdin: content.optional(),
    okExitCodes: z.array(z.number().int()).optional(),
  }),
  'wait-for': z.strictObject({
    what: z.string(),
    argv,
    env,
    intervalSeconds: z.number().positive(),
    expect: z.string().optional(),
  }),
  'manage-unit': z.strictObject({ unit: z.string().min(1), action: z.enum(['start', 'restart', 'stop']) }),
} satisfies { [K in Step['kind']]: z.ZodType<Extract<Step, { kind: K }>['args']> };

const record = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('member-joining'), nodeId: z.string(), ip: z.string(), role: z.enum(['master', 'worker']) }),
  z.strictObject({ kind: z.literal('member-ready'), nodeId: z.string() }),
  z.strictObject({ kind: z.literal('member-removed'), nodeId: z.string() }),
  z.strictObject({ kind: z.literal('cluster-ready') }),
  z.strictObject({ kind: z.literal('cluster-removed') }),
]);
const effect = z.enum(['idempotent', 'guarded', 'irreversible']);
const probe = z.strictObject({ argv, env });

export function stepToWire(step: Step): WireStep {
  return {
    id: step.id,
    title: step.title,
    node: step.node,
    kind: step.kind,
    args: step.args as unknown as Record<string, unknown>,
    effect: step.effect,
    timeoutSeconds: step.timeoutSeconds,
    probe: step.probe as Record<string, unknown> | undefined,
    records: (step.records ?? []) as unknown as Record<string, unknown>[],
    mayFail: step.mayFail ?? false,
    about: step.about ?? '',
    gate: step.gate ?? false,
  };
}

/**
 * A step from the wire, checked against the catalogue.
 * Problems: STEP_KIND_UNKNOWN for a kind of a newer server, STEP_INVALID for args that do not fit.
 */
export function stepFromWire(wire: WireStep): Step {
  const schema = Object.hasOwn(argsByKind, wire.kind) ? argsByKind[wire.kind as Step['kind']] : undefined;
  if (!schema)
    throw new Problem(
      'STEP_KIND_UNKNOWN',
      `step ${wire.id} (${wire.title}) has the kind "${wire.kind}", which this version does not know`,
    );
  const parsed = z
    .object({ args: schema, effect, probe: probe.optional(), records: z.array(record), timeoutSeconds: z.number().positive() })
    .safeParse(wire);
  if (!parsed.success)
    throw new Problem('STEP_INVALID', `step ${wire.id} (${wire.kind} "${wire.title}"): ${z.prettifyError(parsed.error)}`);
  const { args, records, probe: found, ...rest } = parsed.data;
  return {
    id: wire.id,
    title: wire.title,
    node: wire.node,
    kind: wire.kind,
    args,
    effect: rest.effect,
    timeoutSeconds: rest.timeoutSeconds,
    ...(found ? { probe: found } : {}),
    ...(records.length > 0 ? { records } : {}),
    ...(wire.mayFail ? { mayFail: true } : {}),
    ...(wire.about ? { about: wire.about } : {}),
    ...(wire.gate ? { gate: true } : {}),
  } as Step;
}
