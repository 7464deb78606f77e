import { Problem } from '@seal/foundation';
import type { Step } from '@seal/plan';
import * as z from 'zod';
import type { Step as WireStep } from '../gen/seal/v1/plan.ts';
import { argsByKind, effect, probe, record } from './step-args.ts';

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
