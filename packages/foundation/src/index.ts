export { assertNever } from './assert-never.ts';
export { type Clock, sleep, systemClock } from './clock.ts';
export { canonicalJson, newId, sha256Digest } from './ids.ts';
export { Problem, type ProblemData, type ProblemOptions } from './problem.ts';
export { type ProblemCode, type ProblemCodeInfo, problemCodes } from './problem-codes.ts';
export { type Random, systemRandom } from './random.ts';
