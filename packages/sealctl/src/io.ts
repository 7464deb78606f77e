import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { type Clock, Problem, systemClock } from '@seal/foundation';

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
  /** Where the socket of a server on this machine is. */
  readonly localSocket: string;
  /** Whether somebody can be asked. */
  readonly canAsk: boolean;
  /** Shows the question on stderr and gives the line that was typed; nothing when Ctrl-C or Ctrl-D was the answer. */
  ask(question: string): Promise<string>;
  /** As ask, for what nobody may read on the screen. */
  askSecret(question: string): Promise<string>;
  /** All of stdin as text. Problem: USAGE when it is longer than `maximumBytes`. */
  readInput(maximumBytes: number): Promise<string>;
  /** Calls back on Ctrl-C (SIGINT) and SIGTERM instead of ending the process, until the returned function is called. */
  onInterrupt(callback: () => void): () => void;
  /**
   * Calls back, once, when nobody reads stdout or stderr any more ("sealctl exec … | head"), until the returned function is called. Without
   * a callback that is an interrupt; without one of those either it ends the process.
   */
  onReaderGone(callback: () => void): () => void;
}

/** The exit code of a program that SIGPIPE ended. */
export const readerGoneExit = 141;

/** The process's own streams and signals. */
export function processIo(home: string): Io {
  const onReaderGone = watchReaders();
  return {
    onReaderGone,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    clock: systemClock,
    home,
    uid: process.getuid?.() ?? -1,
    localSocket: '/run/seal/server.sock',
    canAsk: process.stdin.isTTY === true && process.stderr.isTTY === true,
    async ask(question) {
      const lines = createInterface({ input: process.stdin, output: process.stderr });
      const stop = new AbortController();
      // Ctrl-D, and Ctrl-C too: neither is a line.
      lines.once('close', () => stop.abort());
      lines.once('SIGINT', () => stop.abort());
      try {
        return await lines.question(question, { signal: stop.signal });
      } catch (error) {
        if (!(error instanceof Error && error.name === 'AbortError')) throw error;
        process.stderr.write('\n');
        return '';
      } finally {
        lines.close();
      }
    },
    async askSecret(question) {
      process.stderr.write(question);
      // The terminal does not echo while a readline with an output of its own reads from it.
      const lines = createInterface({
        input: process.stdin,
        output: new Writable({ write: (_, __, done) => done() }),
        terminal: true,
      });
      try {
        return await new Promise<string>((resolve) => {
          lines.once('line', resolve);
          lines.once('SIGINT', () => lines.close());
          lines.once('close', () => resolve(''));
        });
      } finally {
        lines.close();
        process.stderr.write('\n');
      }
    },
    async readInput(maximumBytes) {
      const chunks: Buffer[] = [];
      let sizeBytes = 0;
      for await (const chunk of process.stdin) {
        sizeBytes += (chunk as Buffer).length;
        if (sizeBytes > maximumBytes) throw new Problem('USAGE', `more than ${maximumBytes} bytes came on stdin`);
        chunks.push(chunk as Buffer);
      }
      return Buffer.concat(chunks).toString('utf8');
    },
    onInterrupt(callback) {
      process.on('SIGINT', callback).on('SIGTERM', callback);
      return () => process.off('SIGINT', callback).off('SIGTERM', callback);
    },
  };
}

function watchReaders(): Io['onReaderGone'] {
  const callbacks = new Set<() => void>();
  let gone = false;
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      if (gone) return;
      gone = true;
      process.once('exit', () => {
        process.exitCode = readerGoneExit;
      });
      for (const callback of callbacks) callback();
      if (callbacks.size > 0) return;
      if (process.listenerCount('SIGINT') === 0) process.exit(readerGoneExit);
      process.emit('SIGINT');
    });
  return (callback) => {
    callbacks.add(callback);
    return () => callbacks.delete(callback);
  };
}
