import type { SpoolPort } from './spool-port.ts';
import type { StepKey } from './step-key.ts';

/** The last line of what a step wrote to one stream, at most 300 characters; '' when it wrote nothing. */
export async function lastLine(spool: SpoolPort, key: StepKey, stream: 1 | 2): Promise<string> {
  const size = await spool.size(key, stream);
  const tail = await spool.read(key, stream, Math.max(0, size - 1024), 1024);
  return Buffer.from(tail).toString('utf8').trimEnd().split('\n').at(-1)?.slice(-300) ?? '';
}
