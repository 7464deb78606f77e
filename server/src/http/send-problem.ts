import type { ServerResponse } from 'node:http';
import { type Problem, type ProblemCodeInfo, problemCodes } from '@seal/foundation';

const statuses: Record<ProblemCodeInfo['grpc'], number> = {
  INVALID_ARGUMENT: 400,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  FAILED_PRECONDITION: 409,
  PERMISSION_DENIED: 403,
  UNAUTHENTICATED: 401,
  UNAVAILABLE: 503,
  ABORTED: 409,
  CANCELLED: 499,
  DEADLINE_EXCEEDED: 504,
  RESOURCE_EXHAUSTED: 429,
  DATA_LOSS: 422,
  INTERNAL: 500,
};

/** HTTP status of a Problem; it follows from the gRPC status of its code. */
export function statusOf(problem: Problem): number {
  return statuses[problemCodes[problem.code].grpc];
}

/**
 * Answers with `{code, message, remedy, details}`. The connection is closed behind it, because the rest of a refused request is not read.
 * Where the answer has begun already, the connection is cut, so that nobody takes a part for the whole.
 */
export function sendProblem(response: ServerResponse, problem: Problem): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = Buffer.from(`${JSON.stringify(problem)}\n`);
  const status = statusOf(problem);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': body.length,
    connection: 'close',
    ...(status === 429 ? { 'retry-after': '2' } : {}),
  });
  response.end(body);
}
