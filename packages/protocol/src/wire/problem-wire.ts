import { Problem, type ProblemData } from '@seal/foundation';
import type { Problem as WireProblem } from '../gen/seal/v1/problem.ts';

export function problemToWire(problem: ProblemData): WireProblem {
  return { code: problem.code, message: problem.message, remedy: problem.remedy, details: { ...problem.details } };
}

/** The plain data of a problem from the wire; a code of a newer version becomes INTERNAL with that code in its details. */
export function problemFromWire(wire: WireProblem): ProblemData {
  return Problem.fromData({
    code: wire.code,
    message: wire.message,
    remedy: wire.remedy,
    ...(wire.details ? { details: wire.details } : {}),
  }).toJSON();
}
