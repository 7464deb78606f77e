import type { agentProto } from '@seal/protocol';
import type { Journal } from '../../agent/src/runner/journal.ts';
import type { StepRunner } from '../../agent/src/runner/step-runner.ts';
import type { OperationLog } from '../../server/src/operation/operation-log.ts';

/** A bug that is planted in the parts of one run, to see whether the simulation finds it. Nothing here touches the parts' own code. */
export interface Mutant {
  /** Changes an agent's journal when it was opened. */
  readonly journal?: (journal: Journal) => void;
  readonly runner?: (runner: StepRunner) => void;
  /** The log as the executor sees it. */
  readonly executorLog?: (log: OperationLog) => OperationLog;
  /** Changes what a server sends. */
  readonly toAgent?: (message: agentProto.ServerMessage) => agentProto.ServerMessage;
}

/** Makes a bug afresh, so that what it remembers belongs to one run; `now` is the run's time in ms. */
export type MakeMutant = (now: () => number) => Mutant;

/** No bug but those that are there. */
export const noMutant: MakeMutant = () => ({});

/** The planted bugs. */
export const mutants: Readonly<Record<string, MakeMutant>> = {
  'ack before journal': () => ({
    journal: (journal) => {
      const append = journal.append.bind(journal);
      journal.append = async (record, durability) => {
        // Nobody waits for the disk any more.
        append(record, durability).catch(() => undefined);
      };
    },
  }),
  'resend under a new id': () => {
    const sent = new Set<string>();
    return {
      toAgent: (message) => {
        const { run } = message;
        if (!run?.step) return message;
        const key = `${run.step.id}.${run.attempt}`;
        if (!sent.has(key)) {
          sent.add(key);
          return message;
        }
        return { run: { ...run, step: { ...run.step, id: `${run.step.id}-again` } } };
      },
    };
  },
  'parallelism off by one': () => ({
    executorLog: (log) => {
      const active: OperationLog['active'] = (id) => {
        const found = log.active(id);
        if (!found) return undefined;
        const phases = found.plan.phases.map((phase) => ({ ...phase, parallelism: phase.parallelism + 1 }));
        return { ...found, plan: { ...found.plan, phases } };
      };
      return facade(log, { active });
    },
  }),
  'epoch ignored': () => ({
    runner: (runner) => {
      runner.noticeEpoch = () => true;
    },
  }),
  'a lost wake-up': (now) => ({
    executorLog: (log) => {
      // News that follow others too soon are taken for the same.
      const subscribe: OperationLog['subscribe'] = (id, listener, news) => {
        let toldAt = Number.NEGATIVE_INFINITY;
        const told = () => {
          if (now() - toldAt < 20) return;
          toldAt = now();
          listener();
        };
        return log.subscribe(id, told, news);
      };
      return facade(log, { subscribe });
    },
  }),
};

function facade(log: OperationLog, changed: Partial<OperationLog>): OperationLog {
  const plain = {
    active: log.active.bind(log),
    append: log.append.bind(log),
    durable: log.durable.bind(log),
    subscribe: log.subscribe.bind(log),
    close: log.close.bind(log),
  };
  return { ...plain, ...changed } as unknown as OperationLog;
}
