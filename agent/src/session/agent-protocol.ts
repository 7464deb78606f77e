import { type Clock, Problem } from '@seal/foundation';
import type { NodeFacts } from '@seal/plan';
import { type agentProto, factsToWire, problemToWire, stepFromWire } from '@seal/protocol';
import type { Outbox, OutputChunk } from '../runner/outbox.ts';
import type { Finished, Log, StepReports } from '../runner/runner-ports.ts';
import { type StepKey, stepKeyText } from '../runner/step-key.ts';
import type { StepRunner } from '../runner/step-runner.ts';

type Send = (message: agentProto.AgentMessage) => void;

export interface ProtocolPorts {
  readonly runner: StepRunner;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  readonly bootId: string;
  takeFacts(): Promise<NodeFacts>;
}

const defaultHeartbeatSeconds = 10;
const defaultWindowBytes = 256 * 1024;
/** Facts follow the end of the last running step by this much, so that a row of steps is one report. */
const factsDelayMs = 1000;

/**
 * What an agent says and how it answers, whatever carries the messages.
 *
 * INVARIANTS:
 * - Hello is the first message of a session; its steps are the journal's at that moment.
 * - An outcome is sent when it is journaled, after Welcome of every session, and with a heartbeat when a whole interval passed without FinishedAck.
 * - All output of a step goes out before its outcome, in the same session.
 */
export class AgentProtocol implements StepReports {
  readonly #ports: ProtocolPorts;
  #send: Send | undefined;
  /** Outcomes wait for Welcome: before it no output can go out. */
  #welcomed = false;
  #cancelHeartbeat: (() => void) | undefined;
  #cancelFacts: (() => void) | undefined;
  /** Outcomes sent in this session that are not acknowledged, and when. */
  readonly #outcomesSent = new Map<string, { readonly key: StepKey; readonly finished: Finished; readonly at: number }>();
  #onWelcome: ((welcome: agentProto.Welcome) => void) | undefined;

  constructor(ports: ProtocolPorts) {
    this.#ports = ports;
  }

  /** A connection is there: says Hello. `onWelcome` is called when the server has answered. */
  async connected(send: Send, onWelcome: (welcome: agentProto.Welcome) => void): Promise<void> {
    this.#onWelcome = onWelcome;
    let live = true;
    this.#disconnect = () => {
      live = false;
    };
    const facts = factsToWire(await this.#ports.takeFacts());
    if (!live) return;
    this.#send = send;
    const { version, bootId, runner } = this.#ports;
    send({ hello: { agentVersion: version, bootId, facts, steps: runner.states() } });
  }

  disconnected(): void {
    this.#disconnect?.();
    this.#send = undefined;
    this.#welcomed = false;
    this.#cancelHeartbeat?.();
    this.#cancelFacts?.();
    this.#outcomesSent.clear();
    this.#ports.outbox.disconnected();
  }

  /** Handles a message of the server. Never rejects. */
  async receive(message: agentProto.ServerMessage): Promise<void> {
    try {
      await this.#dispatch(message);
    } catch (error) {
      this.#ports.log.error({ err: error, kind: kindOf(message) }, 'a message of the server could not be handled');
    }
  }

  accepted(key: StepKey): void {
    const { outbox, log } = this.#ports;
    outbox.begin(key);
    outbox
      .settleBelow(key)
      .catch((error) => log.error({ ...key, err: error }, 'the output of an earlier attempt cannot be removed'));
    this.#send?.({ accepted: wireKey(key) });
  }

  started(key: StepKey): void {
    this.#send?.({ started: wireKey(key) });
  }

  finished(key: StepKey, finished: Finished): void {
    // A refusal is the end of a command, not of the step: that may be running, or its output on its way.
    if (!isRefusal(finished)) this.#ports.outbox.end(key, finished);
    void this.#sendOutcome(key, finished);
    if (!this.#ports.runner.busy) this.#reportFactsSoon();
  }

  #disconnect: (() => void) | undefined;

  async #dispatch(message: agentProto.ServerMessage): Promise<void> {
    const { runner, outbox, log } = this.#ports;
    if (message.welcome) return this.#welcome(message.welcome);
    if (message.run) return this.#run(message.run);
    if (message.cancel) return runner.cancel(keyOf(message.cancel), message.cancel.epoch);
    if ((message.outputAck || message.finishedAck) && !this.#welcomed) return;
    if (message.outputAck) {
      const { stream, offset } = message.outputAck;
      const key = keyOf(message.outputAck);
      // Output that was let go of already, and is asked for again: it is said to be dropped.
      const outcome = this.#outcomesSent.get(stepKeyText(key));
      if (outcome) outbox.end(key, outcome.finished);
      return outbox.acknowledge(key, stream === 2 ? 2 : 1, offset);
    }
    if (message.finishedAck) {
      const key = keyOf(message.finishedAck);
      this.#outcomesSent.delete(stepKeyText(key));
      await runner.settle(key);
      return outbox.settle(key);
    }
    if (message.reportFacts) return this.#reportFacts();
    log.warn({}, 'a newer server sent a message of a kind that this agent does not know');
  }

  async #welcome(welcome: agentProto.Welcome): Promise<void> {
    const { runner, outbox, clock, log } = this.#ports;
    const { epoch, nodeId, nodeName, serverVersion } = welcome;
    const current = runner.noticeEpoch(epoch);
    // Nothing is told to it, no acknowledgement of it counts, and the connection is given up as one that was never welcomed.
    if (!current) return log.error({ epoch }, 'this server has been replaced by a newer one: its commands are refused');
    log.info({ nodeId, nodeName, serverVersion, epoch, skewMs: clock.now() - welcome.nowMs }, 'connected to the server');
    this.#onWelcome?.(welcome);
    this.#beat((welcome.heartbeatSeconds || defaultHeartbeatSeconds) * 1000);
    this.#welcomed = true;
    const output = outbox.connected((chunk) => this.#sendChunk(chunk), welcome.outputWindowBytes || defaultWindowBytes);
    for (const { key, finished } of runner.unacknowledged()) void this.#sendOutcome(key, finished);
    await output;
  }

  async #run(run: agentProto.RunStep): Promise<void> {
    if (!run.step) return;
    const { operation, attempt, epoch } = run;
    const key = { step: run.step.id, attempt };
    try {
      const step = stepFromWire(run.step);
      await this.#ports.runner.run({ operation, step, attempt, epoch, secrets: new Map(Object.entries(run.secrets)) });
    } catch (error) {
      // Nothing was begun: the step is of a kind, or has args, that this version does not know.
      const problem = Problem.from(error);
      this.#ports.log.warn({ ...key, kind: run.step.kind, code: problem.code }, 'refused a step');
      await this.#sendOutcome(key, {
        outcome: 'FAILED',
        problem: problem.toJSON(),
        durationMs: 0,
        stdoutBytes: 0,
        stderrBytes: 0,
      });
    }
  }

  async #sendOutcome(key: StepKey, finished: Finished): Promise<void> {
    const session = this.#send;
    if (!session || !(this.#welcomed || isRefusal(finished))) return;
    await this.#ports.outbox.drain(key);
    // A newer session has begun to send it by itself.
    if (this.#send !== session) return;
    if (!isRefusal(finished)) this.#outcomesSent.set(stepKeyText(key), { key, finished, at: this.#ports.clock.now() });
    const { outcome, exitCode, problem, durationMs, stdoutBytes, stderrBytes } = finished;
    const wireProblem = problem ? problemToWire(problem) : undefined;
    session({ finished: { ...wireKey(key), outcome, exitCode, problem: wireProblem, durationMs, stdoutBytes, stderrBytes } });
  }

  #sendChunk({ step, attempt, stream, offset, data, droppedBytes }: OutputChunk): void {
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    this.#send?.({ output: { step, attempt, stream, offset, data: bytes, droppedBytes } });
  }

  #beat(intervalMs: number): void {
    this.#cancelHeartbeat?.();
    this.#cancelHeartbeat = this.#ports.clock.setTimer(intervalMs, () => {
      this.#send?.({ heartbeat: {} });
      const unsent = this.#ports.runner.unacknowledged().filter(({ key }) => !this.#outcomesSent.has(stepKeyText(key)));
      // Also one that an earlier life of the server had acknowledged, and that it asked for again.
      const unanswered = [...this.#outcomesSent.values()].filter(({ at }) => this.#ports.clock.now() - at >= intervalMs);
      for (const { key, finished } of [...unsent, ...unanswered]) void this.#sendOutcome(key, finished);
      this.#beat(intervalMs);
    });
  }

  #reportFactsSoon(): void {
    this.#cancelFacts?.();
    this.#cancelFacts = this.#ports.clock.setTimer(factsDelayMs, () => void this.#reportFacts());
  }

  async #reportFacts(): Promise<void> {
    try {
      const facts = factsToWire(await this.#ports.takeFacts());
      this.#send?.({ facts });
    } catch (error) {
      this.#ports.log.error({ err: error }, 'the facts of this host cannot be taken');
    }
  }
}

function isRefusal({ problem }: Finished): boolean {
  return problem?.code === 'SERVER_EPOCH_STALE';
}

function keyOf({ step, attempt }: { readonly step: string; readonly attempt: number }): StepKey {
  return { step, attempt };
}

function wireKey({ step, attempt }: StepKey): { step: string; attempt: number } {
  return { step, attempt };
}

function kindOf(message: agentProto.ServerMessage): string {
  return Object.entries(message).find(([, value]) => value !== undefined)?.[0] ?? 'unknown';
}
