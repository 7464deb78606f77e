import { spawn } from 'node:child_process';
import { Problem } from '@seal/foundation';
import { defaultPath, findProgram } from './find-program.ts';

export interface ToolCall {
  readonly argv: readonly string[];
  /** The whole environment; PATH and HOME are added where they are missing. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Ends the tool and its whole process group (KILL); the call then rejects with the signal's reason. */
  readonly signal: AbortSignal;
}

export interface ToolResult {
  /** Undefined when it was killed by a signal. */
  readonly exitCode: number | undefined;
  /** The last 64 KiB of each stream. */
  readonly stdout: string;
  readonly stderr: string;
}

const keptBytes = 64 * 1024;

/**
 * Runs a short program to its end and keeps the end of its output. For the agent's own tools and probes: it does not outlive the agent's care.
 * A child of it that holds the pipes is not waited for. Problems: COMMAND_NOT_FOUND, PROCESS_FAILED.
 */
export async function runTool({ argv, env = {}, cwd = '/', signal }: ToolCall): Promise<ToolResult> {
  signal.throwIfAborted();
  const whole = { PATH: defaultPath, HOME: '/root', ...env };
  const program = await findProgram(argv[0] ?? '', whole.PATH, cwd);
  const child = spawn(program, argv.slice(1), { cwd, env: whole, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const stdout = keepEnd(child.stdout);
  const stderr = keepEnd(child.stderr);
  const kill = () => killGroup(child.pid);
  signal.addEventListener('abort', kill, { once: true });
  try {
    const exitCode = await new Promise<number | undefined>((resolve, reject) => {
      child.once('error', (error) =>
        reject(new Problem('PROCESS_FAILED', `cannot start ${program}: ${error.message}`, { cause: error })),
      );
      // After 'exit' the pipes may still hold its last bytes; 'close' comes when they are drained, unless somebody else holds them.
      child.once('exit', (code) => {
        const settle = () => resolve(code ?? undefined);
        child.once('close', settle);
        setTimeout(settle, 100).unref();
      });
    });
    signal.throwIfAborted();
    return { exitCode, stdout: stdout(), stderr: stderr() };
  } finally {
    signal.removeEventListener('abort', kill);
    child.stdout.destroy();
    child.stderr.destroy();
  }
}

function keepEnd(stream: NodeJS.ReadableStream): () => string {
  let kept = Buffer.alloc(0);
  stream.on('data', (data: Buffer) => {
    kept = Buffer.concat([kept, data]);
    if (kept.length > keptBytes) kept = kept.subarray(kept.length - keptBytes);
  });
  return () => kept.toString('utf8');
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
