/**
 * The catalogue of steps: a closed, typed union. An agent's handler map over `StepKind` fails to compile when a kind has no handler.
 * Kinds are generic (nothing here knows Kubernetes), so a new runtime or version needs no new agent.
 * Args are complete when the plan is made. Secrets appear only as references (`{secret: ref}`), resolved at dispatch.
 */

/**
 * Bytes for a file or stdin: text, base64, a secret of the server's store by its reference, or a text in which each key of `secrets`
 * (such as "%TOKEN%") is replaced by the secret it names. The agent gets the values beside the step, never inside it.
 */
export type Content =
  | { readonly text: string }
  | { readonly base64: string }
  | { readonly secret: string }
  | { readonly template: string; readonly secrets: Readonly<Record<string, string>> };

/** One layer of a ClusterImage, as its manifest names it. */
export interface LayerRef {
  /** Digest of the compressed blob, `sha256:…`. */
  readonly digest: string;
  readonly mediaType: string;
  readonly sizeBytes: number;
}

export interface FileSpec {
  /** Absolute path. Missing parent directories are made (0755). Written beside and renamed. */
  readonly path: string;
  /** Octal text such as "0600". */
  readonly mode: string;
  readonly content: Content;
}

export interface StepArgs {
  /** Fetches the blobs that the node lacks from the server (HTTPS, Range, sha256 verified) and unpacks each once, safely. */
  'fetch-layers': { readonly image: string; readonly layers: readonly LayerRef[] };
  /**
   * Makes the cluster's rootfs at `mountPoint` from unpacked layers (overlayfs, else a copy), then renders every `*.tmpl` below
   * etc/, manifests/, charts/, scripts/ with `env` (`x.conf.tmpl` becomes `x.conf`). Replaces an older rootfs at that place.
   */
  'mount-rootfs': {
    readonly mountPoint: string;
    readonly layers: readonly LayerRef[];
    readonly env: Readonly<Record<string, string>>;
  };
  /**
   * Lays the files of unpacked layers over a rootfs that may be in use, and takes those of `removed` away again: such a place becomes what `base`
   * (the layers of which the rootfs was made) and `over` have there. Then renders the templates with `env`, as `mount-rootfs` does.
   */
  'lay-over': {
    readonly rootfs: string;
    readonly base: readonly LayerRef[];
    readonly over: readonly LayerRef[];
    readonly removed: readonly LayerRef[];
    readonly env: Readonly<Record<string, string>>;
  };
  /** Renders every `*.tmpl` below `directories` (relative) of a rootfs with `env`. */
  'render-templates': {
    readonly rootfs: string;
    readonly directories: readonly string[];
    readonly env: Readonly<Record<string, string>>;
  };
  /** Takes the rootfs away again, with everything written on top of it; also every rootfs below that place. Nothing there is success. */
  'unmount-rootfs': { readonly mountPoint: string };
  'write-files': { readonly files: readonly FileSpec[] };
  /** Removes files and whole directories; a missing path is success. Refuses `/`, top-level directories and mount points. */
  'remove-paths': { readonly paths: readonly string[] };
  /** Keeps one marked block of /etc/hosts equal to `entries`; no entries removes the block. Never touches other lines. */
  'host-aliases': {
    readonly block: string;
    readonly entries: readonly { readonly ip: string; readonly names: readonly string[] }[];
  };
  /** Runs `<rootfs>/scripts/<script>` with working directory `<rootfs>/scripts`. `optional`: a script that does not exist is skipped. */
  'run-script': {
    readonly rootfs: string;
    readonly script: string;
    readonly args: readonly string[];
    readonly env: Readonly<Record<string, string>>;
    readonly optional: boolean;
  };
  /** Runs a program. `argv[0]` is looked up in `env.PATH`. `stdin` is given and closed. `okExitCodes` default [0]. */
  'run-command': {
    readonly argv: readonly string[];
    readonly env: Readonly<Record<string, string>>;
    readonly cwd?: string;
    readonly stdin?: Content;
    readonly okExitCodes?: readonly number[];
  };
  /** Runs the probe command every `intervalSeconds` until it exits 0 (and, with `expect`, its stdout contains that text) or the step's timeout ends it. */
  'wait-for': {
    /** What is waited for, shown to the user: "node n1 Ready". */
    readonly what: string;
    readonly argv: readonly string[];
    readonly env: Readonly<Record<string, string>>;
    readonly intervalSeconds: number;
    readonly expect?: string;
  };
  /** systemd: `start` = enable --now, `restart`, `stop` = disable --now (an unknown unit is success for stop). */
  'manage-unit': { readonly unit: string; readonly action: 'start' | 'restart' | 'stop' };
}

export type StepKind = keyof StepArgs;

/** What happens when a step is found begun but not finished: run again, ask the probe first, or only ask the probe. */
export type Effect = 'idempotent' | 'guarded' | 'irreversible';

/** A command whose exit code 0 says that the step's effect is already there. */
export interface Probe {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** A change of the recorded cluster that follows from the success of a step. The server applies it in the transaction that records the success. */
export type RecordChange =
  | { readonly kind: 'member-joining'; readonly nodeId: string; readonly ip: string; readonly role: 'master' | 'worker' }
  | { readonly kind: 'member-ready'; readonly nodeId: string }
  | { readonly kind: 'member-removed'; readonly nodeId: string }
  | { readonly kind: 'cluster-ready' }
  | { readonly kind: 'cluster-removed' }
  /** By the name of the app, or of the patch. */
  | { readonly kind: 'app-installed'; readonly name: string }
  | { readonly kind: 'app-removed'; readonly name: string };

interface StepOf<K extends StepKind> {
  /** Hash of plan, phase, node, position and inputs: see `stepId`. */
  readonly id: string;
  /** One line for people: "scripts/containerd.sh", "kubeadm join". */
  readonly title: string;
  /** The agent's node id. */
  readonly node: string;
  /** The node in whose place the step stands, where it is not the one on which it runs: a drain runs on a master. A failure is that node's. */
  readonly about?: string;
  readonly kind: K;
  readonly args: StepArgs[K];
  readonly effect: Effect;
  readonly timeoutSeconds: number;
  readonly probe?: Probe;
  readonly records?: readonly RecordChange[];
  /** True where a failure is reported but does not stop the operation (best-effort clean-up of a host that may be gone). */
  readonly mayFail?: boolean;
  /** True where the step changes nothing and only holds up what comes after it until something is so. */
  readonly gate?: boolean;
}

export type Step = { [K in StepKind]: StepOf<K> }[StepKind];
