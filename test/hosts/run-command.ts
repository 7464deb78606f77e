import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { childrenOf } from './children-of.ts';

/** What a finished command left. `code` is the exit code, 128 + n for signal n. */
export interface CommandResult {
  code: number;
  stdout: string;
  stderr: string;
}

export interface CommandOptions {
  /** Written to the command's standard input, which is empty otherwise. */
  input?: string | Uint8Array;
  /** A file that becomes the standard input; for what is too large for `input`. */
  inputFile?: string;
  /** The whole environment of the command; default: this process's own. */
  env?: Record<string, string>;
  /** After so many seconds the command is killed and the call throws. Default 120. */
  timeoutSeconds?: number;
  /** What errors call the command; default: its command line. */
  describedAs?: string;
  /** Called with every piece of output as it arrives. */
  onOutput?: (text: string, stream: 'stdout' | 'stderr') => void;
}

/** A background child of the command may hold its pipes open for ever; after its exit they get this long to drain. */
const drainMilliseconds = 300;
const signalNumbers: Partial<Record<NodeJS.Signals, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };

/**
 * Runs a command and waits for its end, at most `timeoutSeconds`.
 * A non-zero exit code is a result, not an error; it throws when the command cannot be started or takes too long.
 */
export function runCommand(command: string, args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const timeoutSeconds = options.timeoutSeconds ?? 120;
  const inputDescriptor = options.inputFile === undefined ? undefined : openSync(options.inputFile, 'r');
  const child = spawn(command, args, { env: options.env ?? process.env, stdio: [inputDescriptor ?? 'pipe', 'pipe', 'pipe'] });
  if (inputDescriptor !== undefined) closeSync(inputDescriptor);
  const stdout = collect(child.stdout, 'stdout', options.onOutput);
  const stderr = collect(child.stderr, 'stderr', options.onOutput);
  // A command that does not read its input to the end is no error here: its exit code tells.
  child.stdin?.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'ECONNRESET') child.emit('error', error);
  });
  child.stdin?.end(options.input ?? '');

  return new Promise((resolve, reject) => {
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      killWithChildren(child);
    }, timeoutSeconds * 1000);
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(new Error(`cannot run ${command}: ${error.message}`, { cause: error }));
    });
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      const finish = (): void => {
        clearTimeout(drain);
        child.stdout?.destroy();
        child.stderr?.destroy();
        if (timedOut) {
          const output = lastLines(stdout() + stderr());
          reject(
            new Error(
              `${options.describedAs ?? [command, ...args].join(' ')} did not end within ${timeoutSeconds} s and was killed; its output:\n${output}`,
            ),
          );
        } else {
          resolve({ code: code ?? 128 + (signalNumbers[signal ?? 'SIGTERM'] ?? 0), stdout: stdout(), stderr: stderr() });
        }
      };
      const drain = setTimeout(finish, drainMilliseconds);
      child.once('close', finish);
    });
  });
}

/**
 * Its children first, and itself a moment later: nsenter then still reaps the command it runs in a host, which otherwise
 * stays there as a zombie until the machine's process 1 finds it, and holds up the host's next shutdown.
 */
function killWithChildren(child: ChildProcess): void {
  const children = childrenOf(child.pid);
  for (const pid of children) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
  setTimeout(() => child.kill('SIGKILL'), children.length === 0 ? 0 : 500).unref();
}

function collect(
  stream: NodeJS.ReadableStream | null,
  name: 'stdout' | 'stderr',
  onOutput: CommandOptions['onOutput'],
): () => string {
  let text = '';
  stream?.setEncoding('utf8');
  stream?.on('data', (chunk: string) => {
    text += chunk;
    onOutput?.(chunk, name);
  });
  return () => text;
}

function lastLines(text: string): string {
  return text.trimEnd().split('\n').slice(-20).join('\n');
}
