import { type Clock, systemClock } from '@seal/foundation';
import type { Io } from './io.ts';
import { runSealctl } from './run-sealctl.ts';

export interface CapturedOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly home?: string;
  /** Answers to questions, in order; without them there is no terminal to ask on. */
  readonly answers?: readonly string[];
  /** What comes on stdin. */
  readonly input?: string;
  readonly clock?: Clock;
  /** Default: one that is not there. */
  readonly localSocket?: string;
  /** Default 1000. */
  readonly uid?: number;
  /** Gets the function that does what Ctrl-C does. */
  readonly onInterruptible?: (interrupt: () => void) => void;
  /** Sees each piece of stdout as it is written. */
  readonly onStdout?: (text: string) => void;
}

export interface Captured {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly questions: readonly string[];
}

/** Runs a command line of sealctl in this process, for tests: what it wrote, what it asked and its exit code. */
export async function capturedRun(argv: readonly string[], options: CapturedOptions = {}): Promise<Captured> {
  let stdout = '';
  let stderr = '';
  const questions: string[] = [];
  const answers = [...(options.answers ?? [])];
  const interrupts = new Set<() => void>();
  const io: Io = {
    stdout: {
      write(text) {
        stdout += text;
        options.onStdout?.(text);
      },
    },
    stderr: {
      write(text) {
        stderr += text;
      },
    },
    env: options.env ?? {},
    clock: options.clock ?? systemClock,
    home: options.home ?? '/nonexistent',
    uid: options.uid ?? 1000,
    localSocket: options.localSocket ?? '/nonexistent/server.sock',
    canAsk: options.answers !== undefined,
    async ask(question) {
      questions.push(question);
      return answers.shift() ?? '';
    },
    async askSecret(question) {
      return io.ask(question);
    },
    async readInput() {
      return options.input ?? '';
    },
    onReaderGone: () => () => undefined,
    onInterrupt(callback) {
      interrupts.add(callback);
      options.onInterruptible?.(() => {
        for (const interrupt of interrupts) interrupt();
      });
      return () => interrupts.delete(callback);
    },
  };
  const code = await runSealctl(argv, io);
  return { code, stdout, stderr, questions };
}
