import { Problem } from '@seal/foundation';
import { defaultPolicy, type OperationPolicy, unavailableLimit } from '@seal/plan';
import type { OperationPolicy as WirePolicy } from '../gen/seal/v1/plan.ts';

export function policyToWire(policy: Partial<OperationPolicy>): WirePolicy {
  const { onFailure = '', maxUnavailable = '', timeoutSeconds = 0, stallSeconds = 0, stallAction = '' } = policy;
  return { onFailure, maxUnavailable, timeoutSeconds, stallSeconds, stallAction, skipNodes: [] };
}

/** A whole policy from the wire; what is not said is the default. Problem: USAGE. */
export function policyFromWire(wire: WirePolicy | undefined): OperationPolicy {
  return { ...defaultPolicy, ...policyChangeFromWire(wire) };
}

/** What a message says of a policy, and nothing else. Problem: USAGE naming the value and what is allowed. */
export function policyChangeFromWire(wire: WirePolicy | undefined): Partial<OperationPolicy> {
  if (!wire) return {};
  const { onFailure, maxUnavailable, timeoutSeconds, stallSeconds, stallAction } = wire;
  if (maxUnavailable !== '') unavailableLimit(maxUnavailable, 0);
  for (const seconds of [timeoutSeconds, stallSeconds])
    if (seconds < 0) throw new Problem('USAGE', `${seconds} s is no length of time (at least 1 s)`);
  return {
    ...(onFailure === '' ? {} : { onFailure: oneOf(onFailure, ['fail-fast', 'continue']) }),
    ...(maxUnavailable === '' ? {} : { maxUnavailable }),
    ...(timeoutSeconds === 0 ? {} : { timeoutSeconds }),
    ...(stallSeconds === 0 ? {} : { stallSeconds }),
    ...(stallAction === '' ? {} : { stallAction: oneOf(stallAction, ['report', 'cancel']) }),
  };
}

function oneOf<const T extends string>(value: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) throw new Problem('USAGE', `"${value}" is not one of ${allowed.join(', ')}`);
  return found;
}
