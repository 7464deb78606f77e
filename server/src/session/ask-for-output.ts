import type { agentProto } from '@seal/protocol';
import type { OutputReceiver } from './output-receiver.ts';
import type { AgentLink } from './session-ports.ts';

/**
 * True where a step has ended and its agent has more of its output than this server, which once had it too and was restored from a backup:
 * the agent sends that, and then the outcome again.
 */
export async function asksForOutput(
  link: AgentLink,
  output: OutputReceiver,
  finished: agentProto.StepFinished,
  now: number,
): Promise<boolean> {
  const { step, attempt } = finished;
  const short = await output.shortOf(finished, now);
  for (const { stream, offset } of short) link.send({ outputAck: { step, attempt, stream, offset } });
  return short.length > 0;
}
