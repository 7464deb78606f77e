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
  // server: store, operations, nodes
  STORE_FAILED: {
    exit: 1,
    grpc: 'UNAVAILABLE',
    summary: 'The server could not write its state (disk full, I/O error).',
    remedy:
      'Free space below /var/lib/seal/server or mend the disk and restart seal-server; nothing of the refused change was kept.',
  },
  CONFLICT_REVISION: {
    exit: 5,
    grpc: 'ABORTED',
    summary: 'The recorded cluster changed between planning and starting.',
    remedy: 'Look at the cluster with "sealctl status" and ask again; the plan is made anew.',
  },
  OPERATION_IN_PROGRESS: {
    exit: 5,
    grpc: 'FAILED_PRECONDITION',
    summary: 'Another operation is changing the same cluster.',
    remedy: 'Wait for it with "sealctl operation watch", or cancel it.',
  },
  OPERATION_NOT_FOUND: {
    exit: 4,
    grpc: 'NOT_FOUND',
    summary: 'No operation has that id.',
    remedy: 'See "sealctl operation list".',
  },
  OPERATION_STATE: {
    exit: 5,
    grpc: 'FAILED_PRECONDITION',
    summary: 'The operation is not in a state in which that can be done to it.',
    remedy: 'See its state with "sealctl operation show".',
  },
  OPERATION_FAILED: {
    exit: 1,
    grpc: 'ABORTED',
    summary: 'Steps of an operation failed; what succeeded is kept.',
    remedy: 'Read the output with "sealctl operation logs", mend the cause, then "sealctl operation resume".',
  },
  NODE_UNREACHABLE: {
    exit: 1,
    grpc: 'UNAVAILABLE',
    summary: 'The agent of a node was away for longer than the grace time while it was needed.',
    remedy: 'Bring the node and its seal-agent unit back, then resume the operation.',
  },
  CLUSTER_NOT_FOUND: {
    exit: 4,
    grpc: 'NOT_FOUND',
    summary: 'No cluster has that name.',
    remedy: 'See "sealctl status".',
  },
  NODE_NOT_FOUND: {
    exit: 4,
    grpc: 'NOT_FOUND',
    summary: 'No enrolled node has that name, id or address.',
    remedy: 'See "sealctl nodes"; "sealctl token create" prints the line that installs an agent.',
  },
  NODE_IN_CLUSTER: {
    exit: 5,
    grpc: 'FAILED_PRECONDITION',
    summary: 'The node is a member of a cluster.',
    remedy: 'Delete it from its cluster first ("sealctl delete -n").',
  },
  SESSION_REPLACED: {
    exit: 5,
    grpc: 'ABORTED',
    summary: 'An agent opened a newer session, so the server ended the older one.',
    remedy: 'Nothing, if it happened once. If two lines alternate, two machines use the same identity: enrol one of them anew.',
  },
  PROTOCOL_VIOLATION: {
    exit: 1,
    grpc: 'INVALID_ARGUMENT',
    summary: 'An agent sent a message that has no place in the protocol.',
    remedy: 'Upgrade the agent on that node.',
  },
  SECRET_MISSING: {
    exit: 70,
    grpc: 'INTERNAL',
    summary: 'A step refers to a secret that is not in the store.',
    remedy: 'The state database was altered or restored from an older backup; delete the cluster and run it again.',
  },
  // identity
  UNAUTHENTICATED: {
    exit: 6,
    grpc: 'UNAUTHENTICATED',
    summary: 'The caller showed no certificate, or one that is expired, unknown or denied.',
    remedy: 'Get a new certificate: "sealctl login" for people, the install line with a new token for hosts.',
  },
  PERMISSION_DENIED: {
    exit: 6,
    grpc: 'PERMISSION_DENIED',
    summary: 'The caller is known but its role may not do this.',
    remedy: 'Ask an admin to do it, or for a certificate with the role that is named.',
  },
} as const satisfies Record<string, ProblemCodeInfo>;

export type ProblemCode = keyof typeof problemCodes;
