import { createInterface } from 'node:readline/promises';
import { type Clock, systemClock } from '@seal/foundation';

export interface OutputStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/** Everything outside of sealctl that a command may touch, but for files and servers; a test gives its own. */
export interface Io {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly home: string;
  readonly uid: number;
  /** Whether somebody can be asked. */
  readonly canAsk: boolean;
  /** Shows the question on stderr and gives the line that was typed. */
  ask(question: string): Promise<string>;
  /** Calls back on Ctrl-C (SIGINT) and SIGTERM instead of ending the process, until the returned function is called. */
  onInterrupt(callback: () => void): () => void;
}

/** The process's own streams and signals. */
export function processIo(home: string): Io {
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    clock: systemClock,
    home,
    uid: process.getuid?.() ?? -1,
    canAsk: process.stdin.isTTY === true && process.stderr.isTTY === true,
    async ask(question) {
      const lines = createInterface({ input: process.stdin, output: process.stderr });
      try {
        return await lines.question(question);
      } finally {
        lines.close();
      }
    },
    onInterrupt(callback) {
      process.on('SIGINT', callback).on('SIGTERM', callback);
      return () => process.off('SIGINT', callback).off('SIGTERM', callback);
    },
  };
}
