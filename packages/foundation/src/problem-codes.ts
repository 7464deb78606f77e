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
  CONFIRMATION_REQUIRED: {
    exit: 2,
    grpc: 'FAILED_PRECONDITION',
    summary: 'A command that takes something away was run without a terminal to ask on.',
    remedy: 'Run it with --yes once you have read what it takes away ("sealctl plan ..." shows it).',
  },
  FILE_UNUSABLE: {
    exit: 3,
    grpc: 'INVALID_ARGUMENT',
    summary: 'A file named on the command line cannot be read or written.',
    remedy: 'Check the path and its permissions.',
  },
  // how sealctl reaches a server
  SERVER_NOT_CHOSEN: {
    exit: 7,
    grpc: 'FAILED_PRECONDITION',
    summary: 'Nothing says which server is meant: no context, no --server, and no server runs on this machine.',
    remedy:
      'Run sealctl as root on the server, or run "sealctl login --local -o FILE" there and "sealctl login FILE" here to make a context.',
  },
  CONTEXT_NOT_FOUND: {
    exit: 4,
    grpc: 'NOT_FOUND',
    summary: 'No context has that name.',
    remedy: 'See "sealctl context list".',
  },
  CONTEXT_INVALID: {
    exit: 3,
    grpc: 'INVALID_ARGUMENT',
    summary: 'A context below ~/.config/seal is broken, or its key may be read by others.',
    remedy: 'Make it anew with "sealctl login".',
  },
  CREDENTIALS_EXPIRED: {
    exit: 6,
    grpc: 'UNAUTHENTICATED',
    summary: "The operator certificate of a context is past its end, or not valid yet by this machine's clock.",
    remedy: 'Get a new one: "sealctl login --local -o FILE" on the server, then "sealctl login FILE" here.',
  },
  SERVER_UNREACHABLE: {
    exit: 7,
    grpc: 'UNAVAILABLE',
    summary: 'The server did not answer; the message gives its address and the cause.',
    remedy: 'Check that seal-server runs there ("systemctl status seal-server") and that the address and its ports are open.',
  },
  SERVER_INCOMPATIBLE: {
    exit: 7,
    grpc: 'FAILED_PRECONDITION',
    summary: 'The server does not know the call, or answered with something this sealctl does not understand.',
    remedy: 'Use a sealctl of the same version as the server ("sealctl version --remote").',
  },
  BLOB_UPLOAD_FAILED: {
    exit: 7,
    grpc: 'UNAVAILABLE',
    summary: 'A part of an image could not be sent to the server.',
    remedy: 'Run the command again: what has arrived is kept, only the rest is sent.',
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
  // planning
  RUNTIME_UNSUPPORTED: {
    exit: 3,
    grpc: 'FAILED_PRECONDITION',
    summary: 'The ClusterImage needs a cluster runtime or container runtime that this version of Seal does not install.',
    remedy: 'Take an image for kubernetes (kubeadm) with containerd or docker, or a newer version of Seal.',
  },
  RUNTIME_CONTRADICTION: {
    exit: 3,
    grpc: 'FAILED_PRECONDITION',
    summary: 'The ClusterImage names two different cluster runtimes, by label and in its file Metadata.',
    remedy:
      'Make the label cluster-runtime-type of its Kubefile and ClusterRuntime of its file Metadata the same, and build it again.',
  },
  PREFLIGHT_FAILED: {
    exit: 5,
    grpc: 'FAILED_PRECONDITION',
    summary:
      'Several checks before an operation failed; nothing was changed. The message lists each with its own code and remedy.',
    remedy: 'Mend every finding, then run the command again.',
  },
  NODE_NOT_ENROLLED: {
    exit: 5,
    grpc: 'FAILED_PRECONDITION',
    summary: 'No agent is enrolled for a host that was asked for.',
    remedy: 'Run the install line that the message gives on each of these hosts, then run the command again.',
  },
  NODE_NOT_CONNECTED: {
    exit: 5,
    grpc: 'FAILED_PRECONDITION',
    summary: 'The agent of a host is enrolled but not connected to the server.',
    remedy: 'Look at "systemctl status seal-agent" on that host; deleting nodes goes on without it with --force.',
  },
  NODE_ROLE_FORBIDDEN: {
    exit: 6,
    grpc: 'PERMISSION_DENIED',
    summary: 'The bootstrap token with which a node was enrolled does not allow the role that was asked for.',
    remedy: 'Enrol the host with a token made by "sealctl token create" with that usage, or give it the other role.',
  },
  NODE_NAME_DUPLICATE: {
    exit: 5,
    grpc: 'FAILED_PRECONDITION',
    summary: 'Two hosts of one cluster have the same name, or one has a name that Kubernetes does not accept.',
    remedy: 'Give each host its own name of lower-case letters, digits, "-" and ".", and enrol it again.',
  },
  PORT_TAKEN: {
    exit: 5,
    grpc: 'FAILED_PRECONDITION',
    summary: 'A program on a host listens on a port that the cluster needs.',
    remedy: 'Stop that program ("ss -ltnp" on the host names it), then run the command again.',
  },
  SWAP_ON: {
    exit: 5,
    grpc: 'FAILED_PRECONDITION',
    summary: 'Swap is on at a host, and the kubelet refuses to run with it.',
    remedy: 'Run "swapoff -a" there and remove its line from /etc/fstab.',
  },
  HOST_TOO_SMALL: {
    exit: 5,
    grpc: 'FAILED_PRECONDITION',
    summary: 'A host has fewer processors than its role needs.',
    remedy: 'Give the host more processors, or make another host the master.',
  },
  DISK_LOW: {
    exit: 5,
    grpc: 'FAILED_PRECONDITION',
    summary: 'The disk of a host has too little room for the image, packed and unpacked.',
    remedy: 'Free space below the data root of that host.',
  },
  CLUSTER_EXISTS: {
    exit: 5,
    grpc: 'ALREADY_EXISTS',
    summary: 'A cluster of that name exists, and what was asked for is not the rest of its unfinished installation.',
    remedy: 'Use "sealctl scale-up" to add nodes, "sealctl delete -a" to remove the cluster, or another --name.',
  },
  IMAGES_CONTRADICTORY: {
    exit: 3,
    grpc: 'INVALID_ARGUMENT',
    summary:
      'The images of one command do not go together: two make a cluster, none does where one is needed, or two have the same name.',
    remedy: 'Name one image that makes a cluster, and beside it apps and patches of different names.',
  },
  APP_NOT_FOUND: {
    exit: 4,
    grpc: 'NOT_FOUND',
    summary: 'No app or patch has that name, in the images of a command or in a cluster.',
    remedy: 'See "sealctl app list" and "sealctl inspect IMAGE".',
  },
  APP_EXISTS: {
    exit: 5,
    grpc: 'ALREADY_EXISTS',
    summary: 'An app or patch of that name is in the cluster already.',
    remedy: 'Uninstall it first ("sealctl app uninstall NAME"), or launch it again over what is there with --force.',
  },
  APP_NOT_UNDOABLE: {
    exit: 5,
    grpc: 'FAILED_PRECONDITION',
    summary: 'Seal does not know how to take back what the launch of an app made.',
    remedy:
      'Take it back by hand and let Seal forget the app with --force, or give its image an uninstall.sh beside what it launches and run that image again with --force.',
  },
  KUBE_VERSION_UNSUPPORTED: {
    exit: 5,
    grpc: 'FAILED_PRECONDITION',
    summary: 'An image says by KUBEVERSION that it does not fit the Kubernetes version of the cluster.',
    remedy: 'Take a version of the image that fits the cluster ("sealctl status" shows its version).',
  },
  CONFIG_MERGE_FAILED: {
    exit: 3,
    grpc: 'INVALID_ARGUMENT',
    summary: 'A Config cannot be laid into the file of the image that it names.',
    remedy: 'Correct path and data of the Config, or write the whole file with the strategy overwrite.',
  },
  QUORUM_LOST: {
    exit: 5,
    grpc: 'FAILED_PRECONDITION',
    summary: 'Removing these masters would leave etcd without a majority of its members, and the cluster without its data.',
    remedy: 'Bring masters that are away back first, or remove those that are dead before one that lives.',
  },
  LAST_MASTER: {
    exit: 5,
    grpc: 'FAILED_PRECONDITION',
    summary: 'The removal would leave the cluster without any master.',
    remedy: 'Remove the whole cluster with "sealctl delete -a", or add a master first.',
  },
  REGISTRY_NODE: {
    exit: 5,
    grpc: 'FAILED_PRECONDITION',
    summary: 'The master that is to be removed holds the registry of its cluster.',
    remedy: 'Make sure that the nodes have another place to get images from, then remove it with --force.',
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
  NODE_NOT_SKIPPABLE: {
    exit: 5,
    grpc: 'FAILED_PRECONDITION',
    summary: 'A node that was to be left out of an operation runs steps that the others need.',
    remedy: 'Mend that node, or take back what was begun with "sealctl operation rollback".',
  },
  ROLLBACK_IMPOSSIBLE: {
    exit: 5,
    grpc: 'FAILED_PRECONDITION',
    summary: 'What an operation did cannot be taken back by doing the reverse: a removal, apps, or commands on nodes.',
    remedy: 'Go on with "sealctl operation resume"; removed nodes are added again with "sealctl scale-up".',
  },
  PLAN_NOT_FOUND: {
    exit: 4,
    grpc: 'NOT_FOUND',
    summary: 'No saved plan has that id, or it has expired (1 hour) or was run already.',
    remedy: 'Make it again with "sealctl plan ... --save".',
  },
  PLAN_STALE: {
    exit: 5,
    grpc: 'ABORTED',
    summary: 'The cluster or its nodes have changed since a plan was saved, so that the same request now gives another plan.',
    remedy: 'Make the plan anew with "sealctl plan ... --save", review it, and apply that one.',
  },
  CHANGE_UNSUPPORTED: {
    exit: 5,
    grpc: 'FAILED_PRECONDITION',
    summary: 'A Clusterfile asks for something else than hosts and further images to be changed on a cluster that exists.',
    remedy: 'Put back what the message names; "sealctl apply" adds and removes hosts, and adds images of apps and patches.',
  },
  STATE_LOCKED: {
    exit: 5,
    grpc: 'FAILED_PRECONDITION',
    summary: 'Another seal-server runs on the same state directory.',
    remedy: 'Stop the other one first (the message names its process and host), or use another --state-directory.',
  },
  CANCEL_UNANSWERED: {
    exit: 1,
    grpc: 'UNAVAILABLE',
    summary: 'An agent that is connected did not say that a step has ended which it was told to end.',
    remedy: 'Look at "journalctl -u seal-agent" and for the process on that node, then resume the operation.',
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
  CERTIFICATE_INVALID: {
    exit: 5,
    grpc: 'FAILED_PRECONDITION',
    summary: 'A certificate or private key file cannot be read, or the two do not belong together.',
    remedy:
      'Put the file back from a backup; on a node, run the install line again with a new token and --replace (… | SEAL_TOKEN=… sh -s -- --replace).',
  },
  CSR_INVALID: {
    exit: 3,
    grpc: 'INVALID_ARGUMENT',
    summary: 'A certificate request is too large, malformed, not signed by its own key or not ECDSA P-256.',
    remedy: 'Upgrade the program that made the request to the version of the server.',
  },
  SECRET_KEY_INVALID: {
    exit: 5,
    grpc: 'FAILED_PRECONDITION',
    summary: "The file with the server's encryption key is missing, damaged or readable by others.",
    remedy: 'Put the key file back from a backup of the same server with mode 0600; without it the stored secrets are lost.',
  },
  SECRET_UNREADABLE: {
    exit: 5,
    grpc: 'DATA_LOSS',
    summary: 'A stored secret was altered or was sealed with another key.',
    remedy: 'Restore the state database and the key file from backups of the same time.',
  },
  PKI_DAMAGED: {
    exit: 5,
    grpc: 'FAILED_PRECONDITION',
    summary: "A part of the server's own certificate authority is missing or does not fit the rest.",
    remedy: 'Restore the whole folder pki/ of the server from one backup; with a new authority every agent must enrol anew.',
  },
  TOKEN_INVALID: {
    exit: 6,
    grpc: 'UNAUTHENTICATED',
    summary: 'A bootstrap token is malformed, unknown to the server, or its secret is wrong.',
    remedy: 'Copy the whole token again, or make a new one with "sealctl token create".',
  },
  TOKEN_EXPIRED: {
    exit: 6,
    grpc: 'UNAUTHENTICATED',
    summary: 'A bootstrap token was used after its end.',
    remedy: 'Make a new one with "sealctl token create" (--ttl gives it a longer life, at most 24 h).',
  },
  TOKEN_SPENT: {
    exit: 6,
    grpc: 'UNAUTHENTICATED',
    summary: 'A bootstrap token has admitted as many nodes as it may.',
    remedy: 'Make a new one with "sealctl token create" (--uses lets it admit several nodes).',
  },
  TOKEN_REVOKED: {
    exit: 6,
    grpc: 'UNAUTHENTICATED',
    summary: 'A bootstrap token was revoked.',
    remedy: 'Make a new one with "sealctl token create".',
  },
  TOKEN_USAGE: {
    exit: 6,
    grpc: 'PERMISSION_DENIED',
    summary: 'A bootstrap token does not allow what it was used for, such as a worker token for a master.',
    remedy: 'Make a token with that usage with "sealctl token create".',
  },
  TOKEN_BINDING: {
    exit: 6,
    grpc: 'PERMISSION_DENIED',
    summary: 'A bootstrap token is bound to another node name or network.',
    remedy: 'Use it on the host that it was made for, or make a token for this one.',
  },
  TOKEN_NOT_FOUND: {
    exit: 4,
    grpc: 'NOT_FOUND',
    summary: 'No bootstrap token has that id.',
    remedy: 'See "sealctl token list".',
  },
  PIN_MISMATCH: {
    exit: 6,
    grpc: 'UNAUTHENTICATED',
    summary: 'The server showed another certificate authority than the one that the token pins.',
    remedy:
      'Check the address of the server. If it is right, somebody stands between this host and the server, or the server was set up anew and the token is of the old one.',
  },
  ALREADY_ENROLLED: {
    exit: 5,
    grpc: 'ALREADY_EXISTS',
    summary: 'The host is enrolled with another server.',
    remedy:
      'Uninstall the agent first (… | sh -s -- --uninstall), or enrol with --replace to leave the other server (… | SEAL_TOKEN=… sh -s -- --replace).',
  },
  ENROLMENT_MALFORMED: {
    exit: 3,
    grpc: 'INVALID_ARGUMENT',
    summary: 'An enrolment request does not have the expected shape.',
    remedy: 'Run the install line again, so that the agent has the version of the server.',
  },
  NODE_NAME_INVALID: {
    exit: 3,
    grpc: 'INVALID_ARGUMENT',
    summary: 'The name of a host cannot be the name of a node.',
    remedy:
      'Set a host name of small letters, digits, "-" and "." (RFC 1123), or give another behind the install line: … | SEAL_TOKEN=… sh -s -- --node-name NAME.',
  },
  NODE_NAME_TAKEN: {
    exit: 5,
    grpc: 'ALREADY_EXISTS',
    summary: 'Another enrolled node has the name already.',
    remedy:
      'Give this host another name with --node-name. If it is the same host reinstalled, make a token bound to that name and put --replace behind the line: … | SEAL_TOKEN=… sh -s -- --replace.',
  },
  NODE_REMOVED: {
    exit: 6,
    grpc: 'PERMISSION_DENIED',
    summary: 'The node was removed from the server, so its certificate and key count no more.',
    remedy: 'To bring the host back, run the install line with a new token and --replace: … | SEAL_TOKEN=… sh -s -- --replace.',
  },
  MACHINE_CLONED: {
    exit: 5,
    grpc: 'ALREADY_EXISTS',
    summary: 'Another enrolled node has the same machine id: one disk was copied from the other.',
    remedy: 'On the copy: rm /etc/machine-id; systemd-machine-id-setup; then run the install line again.',
  },
  RATE_LIMITED: {
    exit: 7,
    grpc: 'RESOURCE_EXHAUSTED',
    summary: 'Too many requests came from one address, or too many enrolments at the same time.',
    remedy: 'Wait a few seconds and try again.',
  },
  REQUEST_INVALID: {
    exit: 3,
    grpc: 'INVALID_ARGUMENT',
    summary: 'An HTTP request is malformed, too large or came too slowly.',
    remedy: 'Upgrade the program that sent it to the version of the server.',
  },
  ROUTE_NOT_FOUND: {
    exit: 4,
    grpc: 'NOT_FOUND',
    summary: 'The server has nothing at that HTTP path.',
    remedy: 'Check the address; upgrade the program that asked to the version of the server.',
  },
  BLOB_NOT_FOUND: {
    exit: 4,
    grpc: 'NOT_FOUND',
    summary: 'The server has no blob with that digest.',
    remedy: 'Push or load the image again.',
  },
  AGENT_NOT_SERVED: {
    exit: 5,
    grpc: 'FAILED_PRECONDITION',
    summary: "The server has no agent for a host's processor.",
    remedy: 'Install the server from a release that holds the agent for that processor.',
  },
  // cluster-image: references, Kubefiles, builds, the store of images, layers and rootfs
  IMAGE_REFERENCE_INVALID: {
    exit: 3,
    grpc: 'INVALID_ARGUMENT',
    summary: 'An image reference is malformed; the message gives the part that is wrong.',
    remedy: 'Write it as [REGISTRY[:PORT]/]NAME[:TAG][@sha256:DIGEST], such as "kubernetes:1.20.2".',
  },
  KUBEFILE_INVALID: {
    exit: 3,
    grpc: 'INVALID_ARGUMENT',
    summary: 'A Kubefile is not valid; the message gives file, line, column and what was expected.',
    remedy: 'Correct the line that is named.',
  },
  KUBEFILE_UNSUPPORTED: {
    exit: 3,
    grpc: 'INVALID_ARGUMENT',
    summary: 'A Kubefile uses an instruction or a flag that this version of Seal does not support yet.',
    remedy: 'Build without that line, or with a later version of Seal.',
  },
  BUILD_INPUT_INVALID: {
    exit: 3,
    grpc: 'INVALID_ARGUMENT',
    summary: 'The build context, or a file of it that a Kubefile names, is missing, of a wrong kind or outside of the context.',
    remedy: 'Correct the path that is named; sources are looked up inside the build context, after the ignore file.',
  },
  BUILD_RUN_FAILED: {
    exit: 1,
    grpc: 'ABORTED',
    summary: 'A RUN of a Kubefile ended with an error, or could not be isolated from the build host.',
    remedy: 'Read the output above the error, correct the command and build again; finished layers are reused.',
  },
  DISK_FULL: {
    exit: 1,
    grpc: 'RESOURCE_EXHAUSTED',
    summary: 'A file system has no space left; what was half written was removed.',
    remedy: 'Free space on the file system that is named ("sealctl rmi" removes images), then try again.',
  },
  IMAGE_NOT_FOUND: {
    exit: 4,
    grpc: 'NOT_FOUND',
    summary: 'No image of that name or digest is in the store.',
    remedy: 'See "sealctl images"; "sealctl build" and "sealctl load" add images.',
  },
  IMAGE_AMBIGUOUS: {
    exit: 5,
    grpc: 'FAILED_PRECONDITION',
    summary: 'A short digest fits several images, or an image has several names where one was expected.',
    remedy: 'Give one of the names that the message lists.',
  },
  IMAGE_INVALID: {
    exit: 3,
    grpc: 'INVALID_ARGUMENT',
    summary: 'A manifest, a config or an archive is not a usable OCI or Docker image.',
    remedy: 'Make the archive or image again; the message says which part is wrong.',
  },
  IMAGE_ARCH_MISMATCH: {
    exit: 3,
    grpc: 'FAILED_PRECONDITION',
    summary: 'An image is of another architecture than the one it was asked for.',
    remedy: 'Use an image of the architecture that is named.',
  },
  IMAGE_INCOMPLETE: {
    exit: 5,
    grpc: 'FAILED_PRECONDITION',
    summary: 'A manifest names blobs that are not in the store.',
    remedy: 'Send or load the missing blobs first; the details list their digests.',
  },
  IMAGE_VERSION_UNKNOWN: {
    exit: 3,
    grpc: 'FAILED_PRECONDITION',
    summary: 'An image does not say which Kubernetes version it brings, or says one that is none.',
    remedy:
      'Mend the label cluster.alpha.sealer.io/cluster-runtime-version or the file Metadata of the image, and build it again.',
  },
  IMAGE_FILE_INVALID: {
    exit: 3,
    grpc: 'FAILED_PRECONDITION',
    summary:
      'A file of an image that says how its cluster is made (Metadata, etc/kubeadm.yml) cannot be read as what it should be.',
    remedy: 'Mend the file that is named and build the image again.',
  },
  IMAGE_STORE_DAMAGED: {
    exit: 1,
    grpc: 'DATA_LOSS',
    summary: 'A file of the image store cannot be read as what it should be.',
    remedy: 'Look at the file that is named; removing the image and building or loading it again makes it whole.',
  },
  BLOB_DIGEST_MISMATCH: {
    exit: 1,
    grpc: 'DATA_LOSS',
    summary: 'The bytes received for a blob do not have the digest or size that was announced; they were thrown away.',
    remedy: 'Send or fetch the blob again.',
  },
  LAYER_DIGEST_MISMATCH: {
    exit: 1,
    grpc: 'DATA_LOSS',
    summary: 'The bytes of a layer do not have the digest that its manifest names; nothing of it was kept.',
    remedy: 'Fetch the layer again; where it happens again, load the image anew on the server.',
  },
  LAYER_CORRUPT: {
    exit: 1,
    grpc: 'DATA_LOSS',
    summary: 'A layer or archive is truncated or not the compressed tar it claims to be; nothing of it was kept.',
    remedy: 'Fetch or make the layer again.',
  },
  LAYER_HOSTILE: {
    exit: 1,
    grpc: 'INVALID_ARGUMENT',
    summary: 'An archive holds an entry that reaches outside of its place or makes a device; nothing of it was kept.',
    remedy: 'Do not use this image; if you made it, make it again without the entry that is named.',
  },
  LAYER_TOO_LARGE: {
    exit: 1,
    grpc: 'RESOURCE_EXHAUSTED',
    summary: 'An archive unpacks to more bytes or entries than the limit; nothing of it was kept.',
    remedy: 'Split the layer, or do not use this image.',
  },
  REGISTRY_UNREACHABLE: {
    exit: 7,
    grpc: 'UNAVAILABLE',
    summary: 'A registry cannot be reached, cut every connection, or answered "busy" or "broken" until Seal gave up trying.',
    remedy:
      'Check name and port of the registry, and that it runs; a private certificate authority is given with --ca. What was moved already is not moved again.',
  },
  REGISTRY_UNAUTHORIZED: {
    exit: 6,
    grpc: 'UNAUTHENTICATED',
    summary: 'A registry takes none of the credentials that are known for it; the message says which were tried.',
    remedy: 'Log in with "sealctl registry login HOST", or check the name: registries also say this of images that do not exist.',
  },
  REGISTRY_DENIED: {
    exit: 6,
    grpc: 'PERMISSION_DENIED',
    summary: 'A registry knows the user, who may not do this there.',
    remedy: 'Log in as a user with the right to it, or use a repository of your own.',
  },
  REGISTRY_PROTOCOL: {
    exit: 1,
    grpc: 'FAILED_PRECONDITION',
    summary: 'A registry answered against the protocol, or with something that Seal refuses for safety; nothing of it was kept.',
    remedy:
      'Check that the address is that of a registry (OCI distribution or Docker registry API v2) and not of a proxy before it.',
  },
  REGISTRY_CONFIG_INVALID: {
    exit: 3,
    grpc: 'INVALID_ARGUMENT',
    summary: 'A file with registry settings or credentials cannot be read or written, or a credential helper failed.',
    remedy: 'Correct the file that is named; its format is described in docs/registries.md.',
  },
  ROOTFS_MOUNT_FAILED: {
    exit: 1,
    grpc: 'FAILED_PRECONDITION',
    summary: 'The rootfs of a cluster could not be put together at its place.',
    remedy: 'The message gives the words of the operating system; mend the cause and resume the operation.',
  },
  ROOTFS_BUSY: {
    exit: 5,
    grpc: 'FAILED_PRECONDITION',
    summary: 'The rootfs of a cluster cannot be taken away because processes still use it.',
    remedy: 'Stop the processes that are named, then resume the operation.',
  },
  TEMPLATE_INVALID: {
    exit: 3,
    grpc: 'INVALID_ARGUMENT',
    summary: 'A *.tmpl file of a ClusterImage uses an unknown variable or an action other than {{ .Name }}.',
    remedy: 'Give the variable with -e or the env of the Clusterfile or the image, or correct the template.',
  },
  // agent: journal, spool, processes, steps
  JOURNAL_CORRUPT: {
    exit: 1,
    grpc: 'DATA_LOSS',
    summary: "The agent's journal was altered or damaged on disk; going on could run a step twice.",
    remedy:
      'Check the disk of that node. Once no operation needs the node, move /var/lib/seal/agent/journal away and restart seal-agent.',
  },
  JOURNAL_FAILED: {
    exit: 1,
    grpc: 'UNAVAILABLE',
    summary: 'The agent could not write its journal (disk full, I/O error), so the step was not begun.',
    remedy: 'Free space below /var/lib/seal/agent on that node or mend its disk, then resume the operation.',
  },
  SPOOL_FAILED: {
    exit: 1,
    grpc: 'UNAVAILABLE',
    summary: 'The agent could not keep the output of a step on its disk.',
    remedy: 'Free space below /var/lib/seal/agent on that node or mend its disk, then resume the operation.',
  },
  COMMAND_NOT_FOUND: {
    exit: 1,
    grpc: 'FAILED_PRECONDITION',
    summary: 'The program of a step does not exist on the node, or is not executable.',
    remedy: 'Install it on that node or put it into the ClusterImage, then resume the operation.',
  },
  PROCESS_FAILED: {
    exit: 1,
    grpc: 'INTERNAL',
    summary: 'The process of a step could not be started.',
    remedy: 'Look at the reason given (working directory, limits, memory of that node), mend it and resume the operation.',
  },
  PROCESS_VANISHED: {
    exit: 1,
    grpc: 'ABORTED',
    summary: 'The process of a step was killed by somebody else (out of memory, an administrator) and left no exit code.',
    remedy: 'Look at the kernel log of that node, then resume the operation: the step is run again.',
  },
  STEP_FAILED: {
    exit: 1,
    grpc: 'ABORTED',
    summary: 'The script or command of a step ended with an exit code that means failure.',
    remedy: 'Read its output with "sealctl operation logs", mend the cause, then resume the operation.',
  },
  STEP_UNKNOWN: {
    exit: 1,
    grpc: 'ABORTED',
    summary: 'A step was interrupted and Seal cannot tell whether it took effect; it must not simply be run again.',
    remedy: 'Look at that node, undo or complete the step by hand, then resume the operation.',
  },
  SCRIPT_MISSING: {
    exit: 1,
    grpc: 'FAILED_PRECONDITION',
    summary: 'A script that the runtime needs is not in the ClusterImage.',
    remedy: 'Add the script below scripts/ of the ClusterImage, build it again and resume or start anew.',
  },
  FILE_WRITE_FAILED: {
    exit: 1,
    grpc: 'ABORTED',
    summary: 'A file could not be written on a node.',
    remedy: 'Look at the reason given (read-only or full file system, a directory in its place), mend it and resume.',
  },
  PATH_PROTECTED: {
    exit: 1,
    grpc: 'PERMISSION_DENIED',
    summary:
      'A step would have removed a path that must not be removed: a system directory, a mount point, the state of the agent.',
    remedy: 'Unmount what is named, or remove it by hand if that is really meant.',
  },
  HOSTS_FILE_INVALID: {
    exit: 1,
    grpc: 'FAILED_PRECONDITION',
    summary: 'The marked block of Seal in /etc/hosts was altered so that its end cannot be told.',
    remedy: 'Remove the lines between and including the markers by hand, then resume the operation.',
  },
  UNIT_FAILED: {
    exit: 1,
    grpc: 'ABORTED',
    summary: 'systemd could not start, restart or stop a unit.',
    remedy: 'Look at "systemctl status" and "journalctl -u" of that unit on the node, then resume the operation.',
  },
  BLOB_FETCH_FAILED: {
    exit: 1,
    grpc: 'UNAVAILABLE',
    summary: 'A node could not fetch a layer of the ClusterImage from the server, after several tries.',
    remedy: 'Check that the node reaches port 7444 of the server, then resume the operation: it goes on where it stopped.',
  },
  NODE_DISK_FULL: {
    exit: 1,
    grpc: 'RESOURCE_EXHAUSTED',
    summary: 'There is not enough free disk space on a node for what is to be put there.',
    remedy: 'Free space on that node, then resume the operation.',
  },
  // the scripts that install server and agent
  SYSTEMD_MISSING: {
    exit: 5,
    grpc: 'FAILED_PRECONDITION',
    summary: 'A host whose process 1 is not systemd cannot have the server or the agent installed.',
    remedy: 'Use a host that was booted with systemd; a container without it will not do.',
  },
  TOOL_MISSING: {
    exit: 5,
    grpc: 'FAILED_PRECONDITION',
    summary: 'A program that the installation of the agent needs is not on the host.',
    remedy: 'Install the program that is named with the package manager of that host, then run the line again.',
  },
  // agent: its own start
  AGENT_NOT_ENROLLED: {
    exit: 5,
    grpc: 'FAILED_PRECONDITION',
    summary: 'This host has not been enrolled with a server.',
    remedy: 'Make a token on the server ("sealctl token create") and run the line that it prints on this host.',
  },
  AGENT_CONFIG_INVALID: {
    exit: 3,
    grpc: 'INVALID_ARGUMENT',
    summary: 'The configuration file or the flags of the agent are not valid.',
    remedy: 'Correct the field that is named in /etc/seal/agent.yaml or on the command line.',
  },
  AGENT_RUNNING: {
    exit: 5,
    grpc: 'FAILED_PRECONDITION',
    summary: 'Another agent runs with the same state directory.',
    remedy: 'Stop it first ("systemctl stop seal-agent").',
  },
  CONFIG_INVALID: {
    exit: 3,
    grpc: 'INVALID_ARGUMENT',
    summary: 'The configuration of a daemon is not valid; the message names file and field.',
    remedy: 'Correct the field that is named; see the comments in the systemd unit and "--help" of the daemon.',
  },
  SYSTEMD_UNTOLD: {
    exit: 1,
    grpc: 'INTERNAL',
    summary:
      'The server answers, but its unit could not be told so; systemd will start it again when the time for a start is over.',
    remedy: 'See that the program systemd-notify, which comes with systemd, is installed and runs.',
  },
  PORT_IN_USE: {
    exit: 7,
    grpc: 'UNAVAILABLE',
    summary: "A daemon cannot listen on its address because another process does, or it is not this machine's.",
    remedy: 'See who listens with "ss -lntp", stop it, or choose another port in /etc/seal/server.yaml.',
  },
  IMAGE_IN_USE: {
    exit: 5,
    grpc: 'FAILED_PRECONDITION',
    summary: 'An image cannot be removed from the server because a cluster was made from it and still needs it.',
    remedy: 'Delete the cluster first, or keep the image.',
  },
  NODE_CLOCK_SKEW: {
    exit: 5,
    grpc: 'FAILED_PRECONDITION',
    summary: "The clock of a host is too far off the server's for certificates to work.",
    remedy: 'Start a time service there (chrony or systemd-timesyncd), then run the command again.',
  },
} as const satisfies Record<string, ProblemCodeInfo>;

export type ProblemCode = keyof typeof problemCodes;
