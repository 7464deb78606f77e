import { Problem } from '@seal/foundation';
import { type CommandDecision, decideCommand } from './decide-command.ts';
import { factsOf, keyOf } from './journal-facts.ts';
import { journalOutcome } from './journal-outcome.ts';
import type { JournalEntry } from './journal-state.ts';
import { AgentStopping, LiveStep } from './live-step.ts';
import { cancelledUnbegun, overtaken, refusal } from './refusal.ts';
import type { RunCommand, StepState } from './run-command.ts';
import type { Finished, RunnerLimits, RunnerPorts } from './runner-ports.ts';
import { Slots } from './slots.ts';
import { isStepId, type StepKey, stepKeyText } from './step-key.ts';

/**
 * Turns commands, delivered at least once, into effects that happen exactly once (agent.proto states the rules).
 *
 * INVARIANTS:
 * - Of one step at most one attempt is worked on at a time: `#live` has it from before the first await until its outcome is journaled.
 * - `accepted` is durable before anything of the attempt happens and before it is reported; `finished` before it is reported.
 * - An attempt that the journal knows as finished is never worked on again; after a success neither is any higher attempt.
 * - Nothing is begun for a command of an epoch below the highest one seen, and the highest one is durable before its command is begun.
 * - Secrets live in the command and the context of its work only.
 */
export class StepRunner {
  readonly #ports: RunnerPorts;
  readonly #limits: RunnerLimits;
  readonly #slots: Slots;
  readonly #live = new Map<string, LiveStep>();
  /** Higher attempts of steps that are being worked on. */
  readonly #held = new Map<string, RunCommand>();
  /** Attempts that are never to begin: the disk refused to journal them, or they were cancelled first. Kept while this agent runs. */
  readonly #refused = new Map<string, Finished>();
  /** Processes found that never got the word to begin. */
  readonly #neverReleased = new Set<string>();
  #highestEpoch: number;
  #stopping = false;

  constructor(ports: RunnerPorts, limits: RunnerLimits) {
    this.#ports = ports;
    this.#limits = limits;
    this.#slots = new Slots(limits.concurrentSteps);
    this.#highestEpoch = ports.journal.epoch;
  }

  /** Finds what earlier runs of the agent left: to be called once, before anything is reported or commanded. */
  async recover(): Promise<void> {
    for (const entry of this.#ports.journal.unsettled()) {
      if (entry.finished) continue;
      if (entry.started?.process) await this.#recoverProcess(entry, entry.started);
      else if (entry.ending)
        await this.#conclude(entry, new LiveStep(this.#ports, this.#limits, factsOf(entry)), { type: 'vanished' });
    }
  }

  /** What the agent knows of every step that the server has not acknowledged. */
  states(): StepState[] {
    return this.#ports.journal.unsettled().map(({ step, attempt, finished }) => {
      const live = this.#live.get(step)?.attempt === attempt;
      return { step, attempt, state: finished ? 'finished' : live ? 'running' : 'lost' };
    });
  }

  /** Outcomes that the server has not acknowledged. */
  unacknowledged(): { key: StepKey; finished: Finished }[] {
    const entries = this.#ports.journal.unsettled();
    return entries.flatMap((entry) => (entry.finished ? [{ key: keyOf(entry), finished: entry.finished }] : []));
  }

  /** True while a step is worked on. */
  get busy(): boolean {
    return this.#live.size > 0;
  }

  /** Remembers a server's epoch. False when a higher one was seen: that server has been replaced. */
  noticeEpoch(epoch: number): boolean {
    if (epoch < this.#highestEpoch) return false;
    if (epoch > this.#highestEpoch) {
      this.#highestEpoch = epoch;
      this.#ports.journal.append({ type: 'epoch', epoch }).catch((problem: unknown) => {
        this.#ports.log.error({ epoch, problem }, 'the epoch of the server is not journaled');
      });
    }
    return true;
  }

  /** Answers a command or begins its work; resolves when that is settled, not when the work is done. */
  async run(command: RunCommand): Promise<void> {
    const key = { step: command.step.id, attempt: command.attempt };
    const refusal = this.#refuse(key, command.epoch);
    if (refusal) return this.#ports.reports.finished(key, refusal);
    const { reports } = this.#ports;
    const decision = this.#decide(key);
    switch (decision.do) {
      case 'ignore':
        return this.#answerOvertaken(key);
      case 'hold':
        if ((this.#held.get(key.step)?.attempt ?? 0) <= key.attempt) this.#held.set(key.step, command);
        return;
      case 'answer-running':
        return this.#answerRunning(key);
      case 'answer-finished':
        return decision.entry.finished && reports.finished(key, decision.entry.finished);
      case 'repeat-outcome':
        return this.#work(command, false, decision.entry.finished);
      case 'run':
        return this.#work(command, false);
      case 'resolve-doubt':
        return this.#work(command, true);
    }
  }

  #decide(key: StepKey): CommandDecision {
    const { journal } = this.#ports;
    return decideCommand({
      attempt: key.attempt,
      known: journal.get(key.step, key.attempt),
      latest: journal.latest(key.step),
      succeeded: journal.succeeded(key.step),
      liveAttempt: this.#live.get(key.step)?.attempt,
      neverRan: (entry) => this.#neverRan(entry),
    });
  }

  /** Ends an attempt: TERM to its process group, KILL after the grace. One that is not known yet is never begun. */
  async cancel(key: StepKey, epoch: number): Promise<void> {
    const refusal = this.#refuse(key, epoch);
    if (refusal && refusal === this.#refused.get(stepKeyText(key))) return this.#ports.reports.finished(key, refusal);
    if (refusal) return this.#ports.log.warn({ ...key, epoch, code: refusal.problem?.code }, 'refused to cancel a step');
    const live = this.#live.get(key.step);
    if (this.#held.get(key.step)?.attempt === key.attempt) this.#held.delete(key.step);
    if (live?.attempt === key.attempt) return live.end('cancelled');
    const entry = this.#ports.journal.get(key.step, key.attempt);
    if (entry?.finished) return this.#ports.reports.finished(key, entry.finished);
    await this.#cancelUnbegun(key, entry);
  }

  /** The server has the outcome, or wants no more of an attempt that was lost. */
  async settle(key: StepKey): Promise<void> {
    const entry = this.#ports.journal.get(key.step, key.attempt);
    if (!entry || entry.settled || this.#live.get(key.step)?.attempt === key.attempt) return;
    await this.#ports.journal.append({ type: 'settled', ...key, at: this.#ports.clock.now() }, 'written');
  }

  /** Stops work inside the agent without an outcome; processes go on. */
  stop(): void {
    this.#stopping = true;
    for (const live of this.#live.values()) live.stop();
  }

  #refuse(key: StepKey, epoch: number): Finished | undefined {
    if (!isStepId(key.step)) return refusal(new Problem('STEP_INVALID', `"${key.step.slice(0, 128)}" is not the id of a step`));
    if (this.#stopping) return refusal(new Problem('CANCELLED', 'the agent is stopping'));
    if (!this.noticeEpoch(epoch)) {
      const message = `a server with epoch ${epoch} sent a command; epoch ${this.#highestEpoch} has been seen`;
      return refusal(new Problem('SERVER_EPOCH_STALE', message));
    }
    return this.#refused.get(stepKeyText(key));
  }

  #answerRunning(key: StepKey): void {
    // Before it is in the journal nothing is said: the answer comes when it is.
    if (!this.#ports.journal.get(key.step, key.attempt)) return;
    this.#ports.reports.accepted(key);
    if (this.#live.get(key.step)?.hasStarted) this.#ports.reports.started(key);
  }

  /** The outcome of the higher attempt is the answer, for a server that was restored from a backup and knows less than this agent. */
  #answerOvertaken(key: StepKey): void {
    const { journal, reports, log } = this.#ports;
    log.info(key, 'a command was overtaken by a higher attempt');
    const latest = journal.latest(key.step);
    if (latest?.finished) reports.finished(keyOf(latest), latest.finished);
    else if (!this.#live.has(key.step)) reports.finished(key, overtaken(key.step));
  }

  #neverRan(entry: JournalEntry): boolean {
    // What an earlier attempt may have done is in doubt still.
    if (entry.accepted.inDoubt) return false;
    if (this.#neverReleased.has(stepKeyText(entry))) return true;
    return !entry.started && entry.accepted.bootId === this.#ports.bootId;
  }

  async #work(command: RunCommand, inDoubt: boolean, outcome?: Finished): Promise<void> {
    const { step, attempt, secrets } = command;
    const key = { step: step.id, attempt };
    const live = new LiveStep(this.#ports, this.#limits, { key, effect: step.effect, timeoutSeconds: step.timeoutSeconds });
    const superseded = this.#ports.journal.latest(step.id);
    this.#live.set(step.id, live);
    try {
      await this.#accept(command, inDoubt, superseded);
    } catch (error) {
      this.#live.delete(step.id);
      const refused = refusal(Problem.from(error));
      this.#refused.set(stepKeyText(key), refused);
      this.#ports.log.error({ ...key, err: error }, 'a step was refused because it could not be journaled');
      return this.#ports.reports.finished(key, refused);
    }
    this.#neverReleased.delete(stepKeyText(key));
    this.#ports.reports.accepted(key);
    this.#ports.log.info({ ...key, operation: command.operation, kind: step.kind, inDoubt }, 'step accepted');
    const done = outcome
      ? Promise.resolve({ ...outcome, stdoutBytes: 0, stderrBytes: 0 })
      : live.run({ step, secrets, inDoubt, slots: this.#slots });
    void this.#conclusion(key, done);
  }

  async #accept(command: RunCommand, inDoubt: boolean, superseded: JournalEntry | undefined): Promise<void> {
    const { journal, clock, bootId } = this.#ports;
    const { step, attempt, epoch, operation } = command;
    const { kind, effect, timeoutSeconds } = step;
    const at = clock.now();
    const writes: Promise<void>[] = [];
    if (journal.epoch < epoch) writes.push(journal.append({ type: 'epoch', epoch }));
    const accepted = { step: step.id, attempt, at, epoch, operation, kind, effect, timeoutSeconds, bootId, inDoubt };
    writes.push(journal.append({ type: 'accepted', ...accepted }));
    await Promise.all(writes);
    if (superseded && superseded.attempt < attempt && !superseded.finished) await this.#settleSuperseded(superseded, at);
  }

  async #settleSuperseded({ step, attempt }: JournalEntry, at: number): Promise<void> {
    try {
      await this.#ports.journal.append({ type: 'settled', step, attempt, at }, 'written');
    } catch (error) {
      // It is reported as lost in the next session, and settled then.
      this.#ports.log.warn({ step, attempt, err: error }, 'a superseded attempt is not settled yet');
    }
  }

  /** Journals and reports the outcome, then lets a higher attempt have its turn. */
  async #conclusion(key: StepKey, done: Promise<Finished>): Promise<void> {
    try {
      const finished = await done;
      await journalOutcome(this.#ports, key, finished, () => this.#stopping);
      this.#live.delete(key.step);
      this.#ports.log.info(
        { ...key, outcome: finished.outcome, exitCode: finished.exitCode, durationMs: finished.durationMs },
        'step finished',
      );
      this.#ports.reports.finished(key, finished);
    } catch (error) {
      if (error instanceof AgentStopping) return;
      this.#live.delete(key.step);
      this.#ports.log.error({ ...key, err: error }, 'the outcome of a step is lost');
      return;
    }
    const held = this.#held.get(key.step);
    this.#held.delete(key.step);
    // One of a server that was replaced meanwhile is dropped: its successor sends its own.
    if (held && held.epoch >= this.#highestEpoch) await this.run(held);
  }

  /** A command to run it may still be on its way: the journal has the answer to it ready. */
  async #cancelUnbegun(key: StepKey, entry: JournalEntry | undefined): Promise<void> {
    const { journal, clock, bootId } = this.#ports;
    const at = clock.now();
    const mayHaveRun = entry !== undefined && entry.accepted.effect !== 'idempotent' && !this.#neverRan(entry);
    const finished = cancelledUnbegun(key.step, mayHaveRun);
    this.#refused.set(stepKeyText(key), finished); // holds from now on, the journal's answer only after an await
    const nothing = { epoch: this.#highestEpoch, operation: '', kind: '', effect: 'idempotent' as const, timeoutSeconds: 0 };
    const writes: Promise<void>[] = [];
    // What an earlier attempt may have done, or does, stays in doubt for the next one.
    const inDoubt = ['resolve-doubt', 'hold'].includes(this.#decide(key).do);
    if (!entry) writes.push(journal.append({ type: 'accepted', ...key, at, ...nothing, bootId, inDoubt }));
    writes.push(journal.append({ type: 'finished', ...key, at, ...finished }));
    try {
      await Promise.all(writes);
    } catch (error) {
      // Nobody sends it again: a step that is not in the journal is lost, or was never accepted, to whoever asks after a restart.
      this.#ports.log.error({ ...key, err: error }, 'the end of a step that was cancelled is not journaled');
    }
    this.#ports.reports.finished(key, finished);
  }

  async #recoverProcess(entry: JournalEntry, started: NonNullable<JournalEntry['started']>): Promise<void> {
    if (!started.process) return;
    const key = keyOf(entry);
    const found = await this.#ports.processes.find(key, started.process);
    const live = new LiveStep(this.#ports, this.#limits, factsOf(entry));
    if ('end' in found) return this.#conclude(entry, live, found.end);
    this.#ports.log.info({ ...key, pid: started.process.pid }, 'found the process of a step again');
    this.#live.set(entry.step, live);
    void this.#conclusion(key, live.adopt(found.running, started.at, started.okExitCodes, entry.ending?.reason));
  }

  async #conclude(entry: JournalEntry, live: LiveStep, end: Parameters<LiveStep['conclude']>[0]): Promise<void> {
    const { started, ending } = entry;
    if (end.type === 'never-ran' && !ending) this.#neverReleased.add(stepKeyText(entry));
    const finished = await live.conclude(end, started?.at ?? entry.accepted.at, started?.okExitCodes ?? [], ending?.reason);
    if (finished) await journalOutcome(this.#ports, keyOf(entry), finished, () => this.#stopping);
    else this.#ports.log.warn(keyOf(entry), 'a step was accepted and is neither running nor finished');
  }
}
