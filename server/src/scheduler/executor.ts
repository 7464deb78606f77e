import type { Clock } from '@seal/foundation';
import type { OperationEventBody, OperationView, Step } from '@seal/plan';
import type { OperationLog } from '../operation/operation-log.ts';
import type { Decision, SchedulingFacts } from './decision.ts';
import { nextSteps } from './next-steps.ts';
import { untilNextLimit } from './time-limits.ts';

/** What the executor needs of the agents' sessions. */
export interface StepSender {
  awaySince(nodeId: string): number | undefined;
  /** Sends a step whose dispatch is durable; losing it is allowed, a reconnect sends it again. */
  run(operation: string, step: Step, attempt: number): void;
  cancel(step: Step, attempt: number): void;
  /** When something came from a step in flight, or its node came back, ms; undefined: nothing in this life of the server. */
  activeAt?(stepId: string, attempt: number): number | undefined;
  /** Tells when a node came or went. */
  subscribe(listener: () => void): () => void;
}

export interface ExecutorOptions {
  readonly log: OperationLog;
  readonly sender: StepSender;
  readonly clock: Clock;
  readonly graceSeconds: number;
  /** How long an agent may leave a cancel unanswered before the step is UNKNOWN. Default 60. */
  readonly cancelGraceSeconds?: number;
  /** Fencing number of this server's life, written into every dispatch. */
  readonly epoch: number;
  /** A write failed: told once per try; the executor tries again after `retryMilliseconds`. */
  readonly onProblem: (operation: string, error: unknown) => void;
  readonly retryMilliseconds?: number;
}

/**
 * Runs operations: asks `nextSteps`, writes the decisions down, acts on them, waits for news.
 *
 * INVARIANTS: one loop per operation; a decision, and everything it builds on, is durable before it is acted on; stopping the executor changes
 * nothing that is written, so that another life of the server goes on where this one was. Decisions follow news in memory at once, so that a
 * result and the command that comes after it are one durable write.
 */
export class Executor {
  readonly #options: ExecutorOptions;
  readonly #loops = new Map<string, { wake: () => void; end: () => void; done: Promise<void> }>();
  #stopped = false;

  constructor(options: ExecutorOptions) {
    this.#options = options;
    options.sender.subscribe(() => this.#wakeAll());
  }

  /** Starts (or wakes) the loop of an active operation. */
  start(operation: string): void {
    const loop = this.#loops.get(operation);
    if (loop) loop.wake();
    if (loop || this.#stopped) return;
    const signal = new WakeSignal();
    const done = this.#loop(operation, signal).finally(() => this.#loops.delete(operation));
    this.#loops.set(operation, { wake: () => signal.wake(), end: () => signal.end(), done });
  }

  /** Ends every loop after its present write. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const loop of this.#loops.values()) loop.end();
    await Promise.all([...this.#loops.values()].map((loop) => loop.done));
  }

  #wakeAll(): void {
    for (const loop of this.#loops.values()) loop.wake();
  }

  async #loop(operation: string, signal: WakeSignal): Promise<void> {
    const { log, clock, onProblem, retryMilliseconds = 5000 } = this.#options;
    // When each cancel was sent first, by step and attempt.
    const cancelsSent = new Map<string, number>();
    const unsubscribe = log.subscribe(operation, () => signal.wake(), 'applied');
    try {
      while (!this.#stopped) {
        const active = log.active(operation);
        if (!active) return;
        const decisions = this.#decide(operation, cancelsSent);
        if (decisions.length > 0) {
          try {
            await this.#act(operation, decisions, cancelsSent);
          } catch (error) {
            onProblem(operation, error);
            // A refused write is news to every operation, this one too: without a rest they would keep each other awake on a full disk.
            if (!this.#stopped) await signal.rest(clock, Math.min(restMilliseconds, retryMilliseconds));
            if (!this.#stopped) await signal.wait(clock, retryMilliseconds);
          }
          continue;
        }
        if (active.view.finishedAt !== undefined) return log.close(operation);
        await signal.wait(clock, untilNextLimit(active.plan, active.view, this.#facts(cancelsSent)));
      }
    } finally {
      unsubscribe();
    }
  }

  #decide(operation: string, cancelsSent: ReadonlyMap<string, number>): Decision[] {
    const active = this.#options.log.active(operation);
    if (!active) return [];
    return nextSteps(active.plan, active.view, this.#facts(cancelsSent)).filter(
      (decision) => decision.kind !== 'cancel' || !cancelsSent.has(keyOf(decision.step.id, decision.attempt)),
    );
  }

  #facts(cancelsSent: ReadonlyMap<string, number>): SchedulingFacts {
    const { sender, clock, graceSeconds, cancelGraceSeconds } = this.#options;
    return {
      now: clock.now(),
      awaySince: (node) => sender.awaySince(node),
      graceSeconds,
      activeAt: (step, attempt) => sender.activeAt?.(step, attempt),
      cancelledAt: (step, attempt) => cancelsSent.get(keyOf(step, attempt)),
      ...(cancelGraceSeconds === undefined ? {} : { cancelGraceSeconds }),
    };
  }

  async #act(operation: string, first: readonly Decision[], cancelsSent: Map<string, number>): Promise<void> {
    const { log, sender } = this.#options;
    const decided: Decision[] = [];
    const writes: Promise<void>[] = [];
    let decisions = first;
    for (let round = 0; decisions.length > 0 && round < roundsAtOnce; round += 1) {
      const active = log.active(operation);
      const bodies = decisions.flatMap((decision) => eventsOf(decision, this.#options.epoch, active?.view.steps));
      decided.push(...decisions);
      if (bodies.length === 0) break;
      if (active?.view.status === 'PENDING') bodies.unshift({ type: 'operation-started' });
      writes.push(log.append(operation, bodies));
      decisions = this.#decide(operation, cancelsSent);
    }
    // A cancel has no event of its own: that it was asked for must be durable.
    await Promise.all([...writes, log.durable()]);
    for (const decision of decided) {
      // The operation may have been told to end while the decision was written: the agent then hears of that only.
      if (decision.kind === 'dispatch' && log.active(operation)?.view.endingSince === undefined)
        sender.run(operation, decision.step, decision.attempt);
      if (decision.kind === 'cancel' && !cancelsSent.has(keyOf(decision.step.id, decision.attempt))) {
        cancelsSent.set(keyOf(decision.step.id, decision.attempt), this.#options.clock.now());
        sender.cancel(decision.step, decision.attempt);
      }
    }
  }
}

/** After a write that was refused, news or not. */
const restMilliseconds = 1000;

/** The end of a phase, the beginning of the next and its first steps are three rounds of decisions, and one write. */
const roundsAtOnce = 4;

function keyOf(step: string, attempt: number): string {
  return `${step}/${attempt}`;
}

function eventsOf(decision: Decision, epoch: number, steps: OperationView['steps'] | undefined): OperationEventBody[] {
  switch (decision.kind) {
    case 'start-phase':
      return [{ type: 'phase-started', phase: decision.phase }];
    case 'dispatch':
      return [{ type: 'step-dispatched', step: decision.step.id, attempt: decision.attempt, epoch }];
    case 'give-up': {
      const { step, outcome, problem } = decision;
      return [
        { type: 'step-finished', step: step.id, attempt: steps?.get(step.id)?.attempt ?? 0, outcome, problem, durationMs: 0 },
      ];
    }
    case 'cancel':
      return [];
    case 'skip':
      return [{ type: 'steps-skipped', node: decision.node, reason: decision.reason, steps: decision.steps }];
    case 'stall':
      return [{ type: 'step-stalled', step: decision.step.id, attempt: decision.attempt, seconds: decision.seconds }];
    case 'time-out':
      return [
        {
          type: 'operation-timed-out',
          seconds: decision.seconds,
          ...(decision.phase === undefined ? {} : { phase: decision.phase }),
        },
      ];
    case 'finish-phase':
      return [{ type: 'phase-finished', phase: decision.phase, status: decision.status }];
    case 'finish-operation':
      return [
        { type: 'operation-finished', status: decision.status, ...(decision.problem ? { problem: decision.problem } : {}) },
      ];
    case 'wait':
      return [{ type: 'operation-waiting', reason: decision.reason }];
    case 'continue':
      return [{ type: 'operation-continued' }];
  }
}

/** A wake-up that is never lost: a wake before the wait makes the wait return at once. */
class WakeSignal {
  #pending = false;
  #resolve: (() => void) | undefined;
  #end: (() => void) | undefined;

  wake(): void {
    this.#pending = true;
    this.#resolve?.();
  }

  /** Nothing but `end` shortens it. */
  async rest(clock: Clock, milliseconds: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = clock.setTimer(milliseconds, resolve);
      this.#end = () => {
        cancel();
        resolve();
      };
    });
    this.#end = undefined;
    this.#pending = false;
  }

  end(): void {
    this.#end?.();
    this.wake();
  }

  async wait(clock: Clock, milliseconds: number | undefined): Promise<void> {
    if (!this.#pending)
      await new Promise<void>((resolve) => {
        const cancel = milliseconds === undefined ? () => undefined : clock.setTimer(milliseconds, resolve);
        this.#resolve = () => {
          cancel();
          resolve();
        };
      });
    this.#pending = false;
    this.#resolve = undefined;
  }
}
