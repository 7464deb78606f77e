import { Problem } from '@seal/foundation';
import type { Audit } from './audit.ts';
import type { Caller } from './caller.ts';
import { rolesOfMethod } from './roles.ts';

/**
 * A guard that also keeps what it decided: every refusal of a known caller, and every permission to change something. Reading is not kept.
 * The call does not wait for the record; one that cannot be written goes to `onFailed`.
 */
export function auditedGuard<Call extends { getPath(): string }>(
  guard: (call: Call) => Caller,
  audit: Audit,
  onFailed: (error: unknown) => void,
): (call: Call) => Caller {
  const record = (entry: Parameters<Audit['record']>[0]) => void audit.record(entry).catch(onFailed);
  return (call) => {
    const action = call.getPath();
    try {
      const caller = guard(call);
      if (isChange(action)) record({ actor: caller.name, serial: caller.serial, action, decision: 'allowed' });
      return caller;
    } catch (error) {
      if (error instanceof Problem && (error.code === 'PERMISSION_DENIED' || error.code === 'NODE_REMOVED'))
        record({ actor: 'refused', action, decision: 'refused', detail: { problem: error.code, message: error.message } });
      throw error;
    }
  };
}

/** Agents' own calls come all the time and are told by the operation log. */
function isChange(method: string): boolean {
  const roles = Object.hasOwn(rolesOfMethod, method) ? rolesOfMethod[method]! : [];
  return !roles.includes('reader') && !roles.includes('agent');
}
