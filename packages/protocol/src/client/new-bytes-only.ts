import type { OutputChunk } from '../gen/seal/v1/operation.ts';

/**
 * A filter over output chunks that lets each byte of a (step, attempt, stream) pass once: after a reconnect the server begins anew,
 * and chunks may overlap what was seen. Gives the new part of a chunk, undefined where there is none.
 */
export function newBytesOnly(): (chunk: OutputChunk) => OutputChunk | undefined {
  const nextOffsets = new Map<string, number>();
  return (chunk) => {
    const key = `${chunk.step}/${chunk.attempt}/${chunk.stream}`;
    const next = nextOffsets.get(key) ?? 0;
    const end = chunk.offset + chunk.data.length;
    // The loss of bytes that the spool dropped is told with the chunk that follows it.
    if (end <= next) return undefined;
    nextOffsets.set(key, end);
    if (chunk.offset >= next) return chunk;
    return { ...chunk, offset: next, data: chunk.data.subarray(next - chunk.offset), droppedBytes: 0 };
  };
}
