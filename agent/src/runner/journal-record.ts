import { crc32 } from 'node:zlib';
import { type ProblemCode, problemCodes } from '@seal/foundation';
import * as z from 'zod';

const key = { step: z.string(), attempt: z.number().int() };
const at = z.number();

/** What /proc knows a process by: pids are used again, pid and start time together are not, within one boot. */
const processIdentity = z.object({ pid: z.number().int(), startTime: z.string(), bootId: z.string() });

const problem = z.object({
  code: z.string().transform((code) => (Object.hasOwn(problemCodes, code) ? code : 'INTERNAL') as ProblemCode),
  message: z.string(),
  remedy: z.string(),
  details: z.record(z.string(), z.unknown()),
});

const journalRecord = z.discriminatedUnion('type', [
  /** Highest epoch of a server ever seen. */
  z.object({ type: z.literal('epoch'), epoch: z.number().int() }),
  /** Durable before anything of the step happens and before the server hears of it. */
  z.object({
    type: z.literal('accepted'),
    ...key,
    at,
    epoch: z.number().int(),
    operation: z.string(),
    kind: z.string(),
    effect: z.enum(['idempotent', 'guarded', 'irreversible']),
    timeoutSeconds: z.number(),
    bootId: z.string(),
    /** An earlier attempt may have had its effect: this one does not simply run, even when it never started. */
    inDoubt: z.boolean(),
  }),
  /** Written before the step's process may begin (see ProcessPort) or its handler is called; without `process`: runs inside the agent. */
  z.object({ type: z.literal('started'), ...key, at, process: processIdentity.optional(), okExitCodes: z.array(z.number()) }),
  /** The step is being ended before its time. */
  z.object({ type: z.literal('ending'), ...key, at, reason: z.enum(['cancelled', 'timeout']) }),
  /** Durable before the server hears of it. */
  z.object({
    type: z.literal('finished'),
    ...key,
    at,
    outcome: z.enum(['SUCCEEDED', 'FAILED', 'UNKNOWN', 'SKIPPED', 'CANCELLED']),
    exitCode: z.number().int().optional(),
    problem: problem.optional(),
    durationMs: z.number(),
    stdoutBytes: z.number(),
    stderrBytes: z.number(),
  }),
  /** The server has recorded the outcome. */
  z.object({ type: z.literal('settled'), ...key, at }),
]);

/** One line of the journal. Holds no args, no environment and no secret. */
export type JournalRecord = z.infer<typeof journalRecord>;
export type JournalRecordOf<T extends JournalRecord['type']> = Extract<JournalRecord, { type: T }>;

/** A record as a line: CRC-32 of the JSON in 8 hex digits, a blank, the JSON, a line feed. */
export function encodeRecord(record: JournalRecord): string {
  const json = JSON.stringify(record);
  return `${checksum(json)} ${json}\n`;
}

/** The record of a line without its line feed; undefined when the line is torn or altered, or of a kind this version does not know. */
export function decodeRecord(line: string): JournalRecord | undefined {
  const json = line.slice(9);
  if (line[8] !== ' ' || checksum(json) !== line.slice(0, 8)) return undefined;
  const parsed = journalRecord.safeParse(JSON.parse(json));
  return parsed.success ? parsed.data : undefined;
}

function checksum(json: string): string {
  return crc32(json).toString(16).padStart(8, '0');
}
