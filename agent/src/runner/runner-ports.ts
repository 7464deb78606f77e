import type { Clock } from '@seal/foundation';
import type { Probe } from '@seal/plan';
import type { StepHandlers } from '../steps/step-handler.ts';
import type { Journal } from './journal.ts';
import type { JournalRecordOf } from './journal-record.ts';
import type { ProcessPort } from './process-port.ts';
import type { ProbeAnswer } from './resolve-doubt.ts';
import type { SpoolPort } from './spool-port.ts';
import type { StepKey } from './step-key.ts';

/** How a step ended. */
export type Finished = Omit<JournalRecordOf<'finished'>, 'type' | 'step' | 'attempt' | 'at'>;

/** What the runner needs of a log: constant messages, data in fields. pino fits. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Where the runner says what happened. Nothing is lost when nobody listens: the journal has it. */
export interface StepReports {
  accepted(key: StepKey): void;
  started(key: StepKey): void;
  finished(key: StepKey, finished: Finished): void;
}

/** Everything a StepRunner touches. */
export interface RunnerPorts {
  readonly journal: Journal;
  readonly processes: ProcessPort;
  readonly spool: SpoolPort;
  readonly handlers: StepHandlers;
  readonly clock: Clock;
  readonly log: Log;
  readonly reports: StepReports;
  /** Id of the present boot of the host. */
  readonly bootId: string;
  /** Runs a probe to its end, at most `timeoutSeconds`; never rejects but when aborted. */
  runProbe(probe: Probe, timeoutSeconds: number, signal: AbortSignal): Promise<ProbeAnswer>;
}

export interface RunnerLimits {
  /** Steps that run at a time, of all operations together; the others wait for their turn. */
  readonly concurrentSteps: number;
  /** Between TERM and KILL. */
  readonly cancelGraceSeconds: number;
  readonly probeSeconds: number;
}

export const defaultRunnerLimits: RunnerLimits = { concurrentSteps: 8, cancelGraceSeconds: 10, probeSeconds: 60 };
