import type { RunnerPorts } from './runner-ports.ts';
import type { StepKey } from './step-key.ts';

/** The last line of what a step wrote to one stream, at most 300 characters; '' when it wrote nothing, or the spool cannot be read. */
export async function lastLine({ spool, log }: Pick<RunnerPorts, 'spool' | 'log'>, key: StepKey, stream: 1 | 2): Promise<string> {
  try {
    const size = await spool.size(key, stream);
    const tail = await spool.read(key, stream, Math.max(0, size - 1024), 1024);
    return Buffer.from(tail).toString('utf8').trimEnd().split('\n').at(-1)?.slice(-300) ?? '';
  } catch (error) {
    // It only explains an exit code that is known.
    log.warn({ ...key, err: error }, 'the last line of a step cannot be read');
    return '';
  }
}
