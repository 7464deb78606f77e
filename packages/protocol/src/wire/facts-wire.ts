import { Problem } from '@seal/foundation';
import type { NodeFacts } from '@seal/plan';
import * as z from 'zod';

const text = z.string().max(1024);
const size = z.number().min(0);
const schema: z.ZodType<NodeFacts> = z.object({
  hostname: text,
  addresses: z.array(text).max(1000),
  arch: z.enum(['amd64', 'arm64']),
  os: z.object({ id: text, version: text, kernel: text }),
  machineId: text,
  bootId: text,
  cpus: size,
  memoryBytes: size,
  swapBytes: size,
  diskFreeBytes: size,
  listeningPorts: z.array(z.number().int().min(1).max(65535)),
  rootfs: z.array(text).max(1000),
  takenAt: z.number(),
  agentVersion: text,
});

/** Facts as an agent sent them (a protobuf Struct), checked. Problem: FACTS_INVALID. */
export function factsFromWire(wire: unknown): NodeFacts {
  const parsed = schema.safeParse(wire);
  if (!parsed.success)
    throw new Problem('FACTS_INVALID', `an agent reported facts that do not fit: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

export function factsToWire(facts: NodeFacts): Record<string, unknown> {
  return { ...facts };
}
