/**
 * Every error code of Seal, with what follows from it. Closed list: `docs/problems.md` is checked against it by a test.
 *
 * `exit` is sealctl's exit code: 1 an operation failed, 2 wrong use of the command line, 3 bad input (files, values),
 * 4 not found, 5 refused in the present state, 6 not allowed, 7 not reachable, 8 cancelled or timed out, 70 a bug in Seal.
 * `grpc` is the gRPC status name that carries the code over the wire.
 * Codes are grouped by the room that raises them; keep the groups and their order.
 */
export interface ProblemCodeInfo {
  readonly exit: 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 70;
  readonly grpc:
    | 'INVALID_ARGUMENT'
    | 'NOT_FOUND'
    | 'ALREADY_EXISTS'
    | 'FAILED_PRECONDITION'
    | 'PERMISSION_DENIED'
    | 'UNAUTHENTICATED'
    | 'UNAVAILABLE'
    | 'ABORTED'
    | 'CANCELLED'
    | 'DEADLINE_EXCEEDED'
    | 'RESOURCE_EXHAUSTED'
    | 'DATA_LOSS'
    | 'INTERNAL';
  /** One sentence for docs/problems.md: when this happens. */
  readonly summary: string;
  /** One sentence for docs/problems.md: what to do about it in general. */
  readonly remedy: string;
}

export const problemCodes = {
  // anywhere
  INTERNAL: {
    exit: 70,
    grpc: 'INTERNAL',
    summary: 'Seal met a state that its authors thought impossible.',
    remedy: 'Report it with the log of the daemon or the command; nothing was decided on the basis of that state.',
  },
  CANCELLED: {
    exit: 8,
    grpc: 'CANCELLED',
    summary: 'The user or another operator cancelled the work.',
    remedy: 'Resume the operation with "sealctl operation resume", or start anew.',
  },
  TIMEOUT: {
    exit: 8,
    grpc: 'DEADLINE_EXCEEDED',
    summary: 'Something took longer than its limit.',
    remedy: 'Look at the last output of the step or host that is named, mend it and resume.',
  },
  // command line
  USAGE: {
    exit: 2,
    grpc: 'INVALID_ARGUMENT',
    summary: 'A flag or argument of a command is unknown, missing or malformed.',
    remedy: 'Run the command with --help.',
  },
  NOT_ROOT: {
    exit: 6,
    grpc: 'PERMISSION_DENIED',
    summary: 'The command must be run as root on this machine.',
    remedy: 'Run it with sudo or from a root shell.',
  },
  // files and values that users write
  CLUSTERFILE_INVALID: {
    exit: 3,
    grpc: 'INVALID_ARGUMENT',
    summary: 'A Clusterfile is not valid; the message gives file, line and what was expected.',
    remedy: 'Correct the line that is named.',
  },
  HOSTS_INVALID: {
    exit: 3,
    grpc: 'INVALID_ARGUMENT',
    summary: 'The host addresses asked for are malformed, duplicate, overlapping or a wrong range.',
    remedy: 'Give each host once, as an IP address, a comma separated list or a range FIRST-LAST.',
  },
  NO_MASTER: {
    exit: 3,
    grpc: 'INVALID_ARGUMENT',
    summary: 'A cluster was asked for without any master.',
    remedy: 'Name at least one host with -m / --masters or the role "master".',
  },
  // protocol between server and agents
  STEP_KIND_UNKNOWN: {
    exit: 1,
    grpc: 'FAILED_PRECONDITION',
    summary: 'The server sent a kind of step that this agent does not know.',
    remedy: 'Upgrade the agent on that node (run the install line again), then resume the operation.',
  },
  STEP_INVALID: {
    exit: 1,
    grpc: 'INVALID_ARGUMENT',
    summary: 'The arguments of a step do not fit its kind.',
    remedy: 'Server and agent are of versions that do not fit together, or a plan was altered; upgrade both to the same version.',
  },
  FACTS_INVALID: {
    exit: 1,
    grpc: 'INVALID_ARGUMENT',
    summary: 'An agent reported facts about its host that do not have the expected shape.',
    remedy: 'Upgrade the agent on that node.',
  },
  SERVER_EPOCH_STALE: {
    exit: 5,
    grpc: 'ABORTED',
    summary: 'An agent refused a command of a server that has been replaced by a newer one.',
    remedy: 'Stop the older of the two servers; the newer one goes on by itself.',
  },
} as const satisfies Record<string, ProblemCodeInfo>;

export type ProblemCode = keyof typeof problemCodes;
