export { eventFromWire, eventToWire } from './event-wire.ts';
export { factsFromWire, factsToWire } from './facts-wire.ts';
export { planFromWire, planToWire } from './plan-wire.ts';
export { policyChangeFromWire, policyFromWire, policyToWire } from './policy-wire.ts';
export { problemFromWire, problemToWire } from './problem-wire.ts';
export { stepFromWire, stepToWire } from './step-wire.ts';
