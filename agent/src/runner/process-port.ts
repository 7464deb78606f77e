import type { StepKey } from './step-key.ts';

/** A program to run as a step. */
export interface StepCommand {
  /** `argv[0]` is looked up in `env.PATH` when it holds no slash. */
  readonly argv: readonly string[];
  /** The whole environment; only PATH, HOME and PWD are added where they are missing. */
  readonly env: Readonly<Record<string, string>>;
  /** Default "/". */
  readonly cwd?: string;
  /** Given and closed. Never touches a disk. */
  readonly stdin?: Uint8Array;
}

/** What a process is known by after the agent was restarted. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Ticks since boot, from /proc/<pid>/stat. */
  readonly startTime: string;
  readonly bootId: string;
}

/**
 * How a step's process ended. `never-ran`: its command was certainly not begun. `vanished`: it is gone and left no exit code
 * (killed, or the host went down). `interrupted`: it failed because the host was shutting down, so its exit code says nothing.
 */
export type ProcessEnd =
  | { readonly type: 'exited'; readonly exitCode: number; readonly at: number }
  | { readonly type: 'never-ran' }
  | { readonly type: 'interrupted' }
  | { readonly type: 'vanished' };

/** A process of a step that exists or has existed. */
export interface StepProcess {
  readonly identity: ProcessIdentity;
  /** How long a process that was found again had existed then, whatever the clock of the host was set to meanwhile. */
  readonly ageMs?: number;
  /** Lets a process made by `prepare` begin; before this nothing of the command has run. No effect on a process that was found again. */
  release(): void;
  /** Sends a signal to the whole process group; nothing there is fine. */
  signal(signal: 'SIGTERM' | 'SIGKILL'): void;
  /** Resolves once; never rejects. */
  readonly ended: Promise<ProcessEnd>;
  /** Stops looking after the process without touching it. A process that was not released ends without having run. */
  detach(): void;
}

export type FoundProcess = { readonly running: StepProcess } | { readonly end: ProcessEnd };

/**
 * Processes that outlive the agent. Their output goes to the spool of their step, written by themselves.
 */
export interface ProcessPort {
  /** Makes the process, stopped before its command. Problems: COMMAND_NOT_FOUND, PROCESS_FAILED. */
  prepare(key: StepKey, command: StepCommand): Promise<StepProcess>;
  /** What became of the process of a step that an earlier run of the agent began. */
  find(key: StepKey, identity: ProcessIdentity): Promise<FoundProcess>;
}
