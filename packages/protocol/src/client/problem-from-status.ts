import { type Metadata, type StatusObject, status } from '@grpc/grpc-js';
import { Problem } from '@seal/foundation';
import { grpcPort, httpsPort } from '../credentials/choose-target.ts';
import { Problem as WireProblem } from '../gen/seal/v1/problem.ts';

/** Trailing metadata key under which a server sends the serialised seal.v1.Problem. */
export const problemMetadataKey = 'seal-problem-bin';

/** A failed call as a Problem: the one the server sent, else what follows from the gRPC status. `target` names the server. */
export function problemFromStatus(error: StatusObject & { cause?: unknown }, target: string): Problem {
  return sentProblem(error.metadata) ?? problemOfCode(error, target);
}

/** The Problem that the server put into the trailing metadata; undefined where there is none. */
export function sentProblem(metadata: Metadata | undefined): Problem | undefined {
  const [bytes] = metadata?.get(problemMetadataKey) ?? [];
  if (!Buffer.isBuffer(bytes)) return undefined;
  const { code, message, remedy, details } = WireProblem.decode(bytes);
  return Problem.fromData({ code, message, remedy, ...(details ? { details } : {}) });
}

function problemOfCode(error: StatusObject, target: string): Problem {
  const cause = { cause: error };
  switch (error.code) {
    case status.UNAVAILABLE:
      return unreachable(error.details, target, error);
    case status.DEADLINE_EXCEEDED:
      return new Problem('TIMEOUT', `the server ${target} did not answer in time (${error.details})`, {
        remedy: 'Look at the log of the server ("journalctl -u seal-server") and try again.',
        ...cause,
      });
    case status.CANCELLED:
      return new Problem('CANCELLED', `the call to ${target} was cancelled`, cause);
    case status.UNAUTHENTICATED:
      return new Problem('UNAUTHENTICATED', `the server ${target} does not know the caller: ${error.details}`, cause);
    case status.PERMISSION_DENIED:
      return new Problem('PERMISSION_DENIED', `the server ${target} refused: ${error.details}`, cause);
    case status.UNIMPLEMENTED:
      return new Problem('SERVER_INCOMPATIBLE', `the server ${target} does not know the call (${error.details})`, cause);
    default:
      return new Problem('INTERNAL', `the server ${target} failed: ${error.details} (gRPC status ${status[error.code]})`, cause);
  }
}

function unreachable(details: string, target: string, cause: unknown): Problem {
  const reason = details
    .replace(/^No connection established\. Last error: (Error: )?/, '')
    .replace(/\s*\(\d{4}-\d\d-\d\dT[^)]*\)/, '')
    .replace(/\.?\s*Resolution note:.*$/s, '')
    .trim();
  const remedy = target.endsWith(`:${httpsPort}`) ? wrongPort : remedyFor(reason);
  return new Problem('SERVER_UNREACHABLE', `cannot reach the server ${target}: ${reason}`, {
    ...(remedy ? { remedy } : {}),
    cause,
  });
}

const wrongPort = `Port ${httpsPort} is the server's HTTPS, for images and the install line; sealctl speaks gRPC: --server HOST or HOST:${grpcPort}.`;

/** What people do about the commonest causes; the text of the cause is only shown and matched here, nothing is decided by it. */
function remedyFor(reason: string): string | undefined {
  if (/EACCES|EPERM/.test(reason))
    return 'Only root may use the local socket: run sealctl with sudo, or make a context ("sealctl login").';
  if (/certificate|self.signed|issuer|altname/i.test(reason))
    return "The server's certificate is not from the CA of this context, or not for this address: compare the address, or log in anew.";
  if (/ENOTFOUND|Name resolution/.test(reason))
    return 'The host name does not resolve here: check its spelling, or give the IP address.';
  return undefined;
}
