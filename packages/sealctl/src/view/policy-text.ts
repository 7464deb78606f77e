import { durationText } from './durations.ts';
import { nodeName, type Progress } from './progress.ts';

/** How an operation is run where that is not as usual: "continue, max-unavailable 10%, without n3 (as ada asked)". Empty: as usual. */
export function policyText({ view, ...progress }: Progress): string {
  const { onFailure, maxUnavailable, timeoutSeconds, stallSeconds, stallAction } = view.policy;
  return [
    ...(onFailure === 'continue' ? ['continue'] : []),
    ...(maxUnavailable === undefined ? [] : [`max-unavailable ${maxUnavailable}`]),
    ...(timeoutSeconds === undefined ? [] : [`timeout ${durationText(timeoutSeconds * 1000)}`]),
    ...(stallSeconds === undefined ? [] : [`stall ${durationText(stallSeconds * 1000)}`]),
    ...(stallAction === 'cancel' ? ['stalled steps are ended'] : []),
    ...Array.from(view.skippedNodes, ([node, who]) => `without ${nodeName({ view, ...progress }, node)} (as ${who} asked)`),
  ].join(', ');
}
