import { Problem } from '@seal/foundation';
import type { Effect, Probe, Step } from '@seal/plan';
import type { AgentOutcome, StepContext, StepHandler } from '../steps/step-handler.ts';
import { lastLine } from './last-line.ts';
import { outputSizes } from './output-sizes.ts';
import type { ProcessEnd, StepProcess } from './process-port.ts';
import { resolveDoubt } from './resolve-doubt.ts';
import type { Finished, RunnerLimits, RunnerPorts } from './runner-ports.ts';
import type { Slots } from './slots.ts';
import type { StepKey } from './step-key.ts';

export type EndingReason = 'cancelled' | 'timeout';

/** What has to be known of a step to work on it; all of it is in the journal. */
export interface LiveStepFacts {
  readonly key: StepKey;
  readonly effect: Effect;
  readonly timeoutSeconds: number;
}

export interface StepWork {
  readonly step: Step;
  readonly secrets: ReadonlyMap<string, Uint8Array>;
  /** An earlier attempt may have had its effect. */
  readonly inDoubt: boolean;
  readonly slots: Slots;
}

/** What a timer of Node can hold: 24 days. */
const longestTimerMs = 2 ** 31 - 1;

type Outcome = Omit<Finished, 'stdoutBytes' | 'stderrBytes' | 'durationMs'>;

/**
 * One attempt of a step while it is worked on: from its turn to its outcome. Journals its start and its early end, not its outcome.
 *
 * INVARIANTS:
 * - `started` is written before the process is released or the handler called.
 * - After `end` nothing new begins; a process is told TERM, after the grace KILL, and its group is empty of ours when `run` resolves.
 * - A process that a shutdown of the host interrupted has no outcome: it is found lost after the boot. Until then it counts as running.
 * - After `stop` neither `run` nor `adopt` states an outcome: they reject with AgentStopping; processes go on untouched.
 */
export class LiveStep {
  readonly #ports: RunnerPorts;
  readonly #limits: RunnerLimits;
  readonly #facts: LiveStepFacts;
  readonly #abort = new AbortController();
  #ending: EndingReason | undefined;
  #stopping = false;
  #process: StepProcess | undefined;
  #startedAt: number;
  #reportedStart = false;

  constructor(ports: RunnerPorts, limits: RunnerLimits, facts: LiveStepFacts) {
    this.#ports = ports;
    this.#limits = limits;
    this.#facts = facts;
    this.#startedAt = ports.clock.now();
  }

  get attempt(): number {
    return this.#facts.key.attempt;
  }

  get hasStarted(): boolean {
    return this.#reportedStart;
  }

  /** Does the step. Rejects only after `stop` and when the host shuts down. */
  async run(work: StepWork): Promise<Finished> {
    let release: (() => void) | undefined;
    try {
      release = await work.slots.acquire(this.#abort.signal);
      await this.#ports.spool.create(this.#facts.key);
      return await this.#finished(await this.#withTimeout(this.#facts.timeoutSeconds, () => this.#attempt(work)));
    } catch (error) {
      return await this.#finished(this.#failure(error));
    } finally {
      release?.();
    }
  }

  /** Goes on with a process that an earlier run of the agent began. Rejects like `run`. */
  async adopt(process: StepProcess, startedAt: number, okExitCodes: readonly number[], ending?: EndingReason): Promise<Finished> {
    const now = this.#ports.clock.now();
    const ageMs = process.ageMs ?? Math.max(0, now - startedAt);
    this.#startedAt = now - ageMs;
    this.#reportedStart = true;
    this.#ending = ending;
    if (ending) this.#abort.abort(endingProblem(ending, this.#facts));
    const restSeconds = Math.max(0, this.#facts.timeoutSeconds - ageMs / 1000);
    try {
      return await this.#finished(await this.#withTimeout(restSeconds, () => this.#follow(process, okExitCodes, undefined)));
    } catch (error) {
      return await this.#finished(this.#failure(error));
    }
  }

  /** The outcome of a process that ended while no agent looked; undefined when it left none. */
  async conclude(
    end: ProcessEnd,
    startedAt: number,
    okExitCodes: readonly number[],
    ending?: EndingReason,
  ): Promise<Finished | undefined> {
    this.#startedAt = startedAt;
    this.#ending = ending;
    if (end.type !== 'exited' && !ending) return undefined;
    return this.#finished(await this.#judge(end, okExitCodes, undefined), end.type === 'exited' ? end.at : undefined);
  }

  /** Ends the step before its time. */
  end(reason: EndingReason): void {
    if (this.#ending || this.#stopping) return;
    this.#ending = reason;
    const { journal, clock, log } = this.#ports;
    journal.append({ type: 'ending', ...this.#facts.key, at: clock.now(), reason }, 'written').catch((problem: unknown) => {
      log.warn({ ...this.#facts.key, problem }, 'the early end of a step is not journaled');
    });
    this.#abort.abort(endingProblem(reason, this.#facts));
  }

  /** The agent ends; the step does not. */
  stop(): void {
    this.#stopping = true;
    this.#process?.detach();
    this.#abort.abort(new AgentStopping());
  }

  async #attempt({ step, secrets, inDoubt }: StepWork): Promise<Outcome> {
    if (inDoubt) {
      const verdict = await this.#askProbe(step.effect, step.probe);
      if (verdict !== 'run')
        return verdict === 'SUCCEEDED'
          ? { outcome: 'SUCCEEDED' }
          : this.#unknown('it may have had its effect in an earlier attempt');
    }
    const { key } = this.#facts;
    const context: StepContext = {
      attempt: key.attempt,
      signal: this.#abort.signal,
      secrets,
      print: (line) => this.#ports.spool.append(key, 1, Buffer.from(`${line}\n`)),
    };
    const handler = this.#ports.handlers[step.kind] as StepHandler<Step['args']>;
    if (handler.place === 'agent') {
      await this.#noteStart([]);
      this.#sayStarted();
      return { outcome: await handler.perform(step.args, context) };
    }
    const prepared = await handler.prepare(step.args, context);
    if (prepared === 'SKIPPED') return { outcome: prepared satisfies AgentOutcome };
    const command = { ...prepared.command, env: { ...prepared.command.env, SEAL_ATTEMPT: String(key.attempt) } };
    const process = await this.#ports.processes.prepare(key, command);
    return this.#begin(process, prepared.okExitCodes, step.probe);
  }

  async #begin(process: StepProcess, okExitCodes: readonly number[], probe: Probe | undefined): Promise<Outcome> {
    try {
      await this.#noteStart(okExitCodes, process);
      this.#abort.signal.throwIfAborted();
    } catch (error) {
      process.detach(); // never released: it ends without having run
      throw error;
    }
    process.release();
    this.#sayStarted();
    return this.#follow(process, okExitCodes, probe);
  }

  async #noteStart(okExitCodes: readonly number[], process?: StepProcess): Promise<void> {
    const { journal, clock } = this.#ports;
    this.#abort.signal.throwIfAborted();
    this.#startedAt = clock.now();
    const identity = process ? { process: process.identity } : {};
    const record = {
      type: 'started' as const,
      ...this.#facts.key,
      at: this.#startedAt,
      okExitCodes: [...okExitCodes],
      ...identity,
    };
    await journal.append(record, 'written');
  }

  #sayStarted(): void {
    this.#reportedStart = true;
    this.#ports.reports.started(this.#facts.key);
  }

  async #follow(process: StepProcess, okExitCodes: readonly number[], probe: Probe | undefined): Promise<Outcome> {
    this.#process = process;
    const { signal } = this.#abort;
    let cancelKill: (() => void) | undefined;
    const terminate = () => {
      if (this.#stopping) return;
      process.signal('SIGTERM');
      cancelKill = this.#ports.clock.setTimer(this.#limits.cancelGraceSeconds * 1000, () => process.signal('SIGKILL'));
    };
    signal.addEventListener('abort', terminate, { once: true });
    if (signal.aborted) terminate();
    const end = await this.#endOf(process);
    signal.removeEventListener('abort', terminate);
    cancelKill?.();
    if (end.type === 'interrupted' && !this.#ending) {
      this.#stopping = true;
      throw new AgentStopping();
    }
    if (this.#ending) process.signal('SIGKILL'); // what its group may still hold
    return this.#judge(end, okExitCodes, probe);
  }

  /** The process' end, or a rejection when the agent stops first. */
  #endOf(process: StepProcess): Promise<ProcessEnd> {
    return new Promise((resolve, reject) => {
      const { signal } = this.#abort;
      const leave = () => {
        if (this.#stopping) reject(new AgentStopping());
      };
      signal.addEventListener('abort', leave, { once: true });
      process.ended.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
    });
  }

  async #judge(end: ProcessEnd, okExitCodes: readonly number[], probe: Probe | undefined): Promise<Outcome> {
    if (this.#ending) return { ...this.#ended(this.#ending), ...(end.type === 'exited' ? { exitCode: end.exitCode } : {}) };
    if (end.type === 'exited') {
      const { exitCode } = end;
      if (okExitCodes.includes(exitCode)) return { outcome: 'SUCCEEDED', exitCode };
      return { outcome: 'FAILED', exitCode, problem: (await this.#exitProblem(exitCode)).toJSON() };
    }
    const problem = new Problem('PROCESS_VANISHED', `the process of step ${this.#facts.key.step} ended without an exit code`);
    if (end.type === 'never-ran' || this.#facts.effect === 'idempotent') return { outcome: 'FAILED', problem: problem.toJSON() };
    const verdict = await this.#askProbe(this.#facts.effect, probe);
    if (verdict === 'run') return { outcome: 'FAILED', problem: problem.toJSON() };
    return verdict === 'SUCCEEDED' ? { outcome: 'SUCCEEDED' } : this.#unknown('its process ended without an exit code');
  }

  async #askProbe(effect: Effect, probe: Probe | undefined): Promise<ReturnType<typeof resolveDoubt>> {
    if (effect === 'idempotent' || !probe) return resolveDoubt(effect, undefined);
    return resolveDoubt(effect, await this.#ports.runProbe(probe, this.#limits.probeSeconds, this.#abort.signal));
  }

  async #withTimeout<T>(seconds: number, work: () => Promise<T>): Promise<T> {
    const cancel = this.#ports.clock.setTimer(Math.min(seconds * 1000, longestTimerMs), () => this.end('timeout'));
    try {
      return await work();
    } finally {
      cancel();
    }
  }

  #failure(error: unknown): Outcome {
    if (this.#stopping) throw new AgentStopping();
    if (this.#ending) return this.#ended(this.#ending);
    const problem = Problem.from(error);
    if (problem.code === 'INTERNAL')
      this.#ports.log.error({ ...this.#facts.key, err: error }, 'a step failed in an unexpected way');
    return { outcome: 'FAILED', problem: problem.toJSON() };
  }

  #ended(reason: EndingReason): Outcome {
    const problem = endingProblem(reason, this.#facts).toJSON();
    return { outcome: reason === 'cancelled' ? 'CANCELLED' : 'FAILED', problem };
  }

  #unknown(why: string): Outcome {
    const message = `Seal cannot tell whether step ${this.#facts.key.step} took effect: ${why}, and no probe could tell`;
    return { outcome: 'UNKNOWN', problem: new Problem('STEP_UNKNOWN', message).toJSON() };
  }

  async #exitProblem(exitCode: number): Promise<Problem> {
    const { key } = this.#facts;
    const line = (await lastLine(this.#ports, key, 2)) || (await lastLine(this.#ports, key, 1));
    const last = line ? `; its last line: ${line}` : '';
    return new Problem('STEP_FAILED', `exit code ${exitCode}${last}`, { details: { exitCode } });
  }

  async #finished(outcome: Outcome, endedAt = this.#ports.clock.now()): Promise<Finished> {
    const sizes = await outputSizes(this.#ports, this.#facts.key);
    if (this.#stopping) throw new AgentStopping();
    return { ...outcome, durationMs: Math.max(0, endedAt - this.#startedAt), ...sizes };
  }
}

/** Why work rejects after `stop`: never an outcome. */
export class AgentStopping extends Error {
  override readonly name = 'AgentStopping';
  constructor() {
    super('the agent is stopping');
  }
}

function endingProblem(reason: EndingReason, facts: LiveStepFacts): Problem {
  const { step } = facts.key;
  return reason === 'cancelled'
    ? new Problem('CANCELLED', `step ${step} was cancelled`)
    : new Problem('TIMEOUT', `step ${step} took longer than its limit of ${facts.timeoutSeconds} s`);
}
