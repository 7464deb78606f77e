/** A place in a Kubefile; both count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A word as it was written, quotes, escapes and variables still in it, with the place of its first character. */
export interface Word {
  readonly raw: string;
  readonly at: Position;
}

/** `<<NAME` of COPY, ADD or RUN with its body. */
export interface Heredoc {
  readonly name: string;
  readonly body: string;
  /** False where the delimiter was quoted: variables in the body stay as they are. */
  readonly expand: boolean;
  readonly at: Position;
}

export type CopySource =
  | { readonly kind: 'path'; readonly path: Word }
  | { readonly kind: 'url'; readonly url: Word }
  | { readonly kind: 'heredoc'; readonly heredoc: Heredoc };

interface InstructionBase {
  readonly at: Position;
  /** The instruction as written, on one line, without comments; shown in progress and kept in the history of the image. */
  readonly text: string;
}

export interface CopyInstruction extends InstructionBase {
  readonly kind: 'copy' | 'add';
  readonly sources: readonly CopySource[];
  readonly destination: Word;
  /** Octal mode for everything that is copied. */
  readonly chmod?: Word;
  /** Owner that was asked for. Everything in a ClusterImage belongs to root; another owner is warned of and not taken. */
  readonly chown?: Word;
  /** `sha256:…` that the one URL among the sources must have. */
  readonly checksum?: Word;
}

/** APP, CNI and CSI: files for `application/apps/<name>/` in the rootfs, and how they are launched. */
export interface AppInstruction extends InstructionBase {
  readonly kind: 'app' | 'cni' | 'csi';
  readonly name: Word;
  readonly sources: readonly Exclude<CopySource, { kind: 'heredoc' }>[];
  readonly checksum?: Word;
}

export interface RunInstruction extends InstructionBase {
  readonly kind: 'run';
  readonly command:
    | { readonly form: 'shell'; readonly script: string }
    | { readonly form: 'exec'; readonly argv: readonly string[] }
    /** A lone heredoc that begins with `#!`: a program of its own. */
    | { readonly form: 'program'; readonly text: string };
  readonly network: 'default' | 'none';
}

export type Instruction =
  | (InstructionBase & { readonly kind: 'from'; readonly image: Word; readonly platform?: Word })
  | CopyInstruction
  | RunInstruction
  | AppInstruction
  | (InstructionBase & { readonly kind: 'app-env'; readonly app: Word; readonly assignments: readonly Assignment[] })
  /** The words of one shell line that replaces what the app's files say; joined by blanks, as sealer does. */
  | (InstructionBase & { readonly kind: 'app-cmds'; readonly app: Word; readonly words: readonly string[] })
  | (InstructionBase & { readonly kind: 'launch'; readonly apps: readonly Word[] })
  | (InstructionBase & {
      readonly kind: 'arg';
      readonly assignments: readonly { readonly name: string; readonly value?: Word }[];
    })
  | (InstructionBase & { readonly kind: 'env'; readonly assignments: readonly Assignment[] })
  | (InstructionBase & { readonly kind: 'label'; readonly assignments: readonly Assignment[] })
  | (InstructionBase & { readonly kind: 'maintainer'; readonly name: string })
  /** CMD and CMDS alike: shell lines for M0 once the cluster is up. The last one of a Kubefile counts. */
  | (InstructionBase & { readonly kind: 'cmds'; readonly lines: readonly string[] })
  | (InstructionBase & { readonly kind: 'kube-version'; readonly constraint: Word });

export interface Assignment {
  readonly name: Word;
  readonly value: Word;
}

/** A Kubefile that was read; `instructions` in the order of the file, exactly one of them a FROM, before it only ARGs. */
export interface Kubefile {
  /** Name for messages, as the user gave it. */
  readonly file: string;
  readonly lines: readonly string[];
  /** `\`, or what the directive `# escape=` says. */
  readonly escapeCharacter: string;
  readonly instructions: readonly Instruction[];
}
