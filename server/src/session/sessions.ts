import { Problem } from '@seal/foundation';
import type { NodeFacts, Step } from '@seal/plan';
import { type agentProto, factsFromWire, stepToWire } from '@seal/protocol';
import type { StepSender } from '../scheduler/executor.ts';
import { asksForOutput } from './ask-for-output.ts';
import { type FinishedStep, finishedStep, lostWhileEnding } from './finished-step.ts';
import { inFlight, inFlightOn } from './in-flight.ts';
import { endOf, OutputReceiver } from './output-receiver.ts';
import { secretsOf } from './secret-refs.ts';
import { SeenFacts, type SeenNodeFacts } from './seen-facts.ts';
import type { AgentLink, SessionsOptions } from './session-ports.ts';
import { StepActivity } from './step-activity.ts';
import { untilTold } from './until-told.ts';

export type { AgentLink, SessionLogger, SessionsOptions } from './session-ports.ts';

interface Session {
  readonly link: AgentLink;
  readonly output: OutputReceiver;
  helloSeen: boolean;
  heardAt: number;
}

/**
 * Every agent's session: who is here, what is sent, what comes back.
 *
 * INVARIANTS:
 * - One live session per node; a newer one ends the older.
 * - Messages of one agent are handled one after another, each to its durable end before the next.
 * - A result is acknowledged only after it is durable; a result for a step that is not in flight changes nothing and is acknowledged.
 * - After Hello every step in flight on that node is accounted for: running there, finished there, lost (a new attempt), or never arrived (sent again).
 */
export class Sessions implements StepSender {
  readonly #options: SessionsOptions;
  readonly #sessions = new Map<string, Session>();
  readonly #awaySince = new Map<string, number>();
  readonly #facts: SeenFacts;
  readonly #listeners = new Set<() => void>();
  /** Steps in flight that this life of the server has sent: id/attempt. */
  readonly #sent = new Set<string>();
  /** End of what was received of a node so far, in all of its sessions. */
  readonly #tails = new Map<string, Promise<void>>();
  /** Of each node's newest session. */
  readonly #outputs = new Map<string, OutputReceiver>();
  readonly #startedAt: number;
  readonly #activity: StepActivity;

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
    this.#activity = new StepActivity(options.clock);
    this.#facts = new SeenFacts(options.store, options.clock);
  }

  /** Takes the last reported facts from the store; to be called once before agents connect. */
  async recover(): Promise<void> {
    for (const nodeId of await this.#facts.recover()) this.#awaySince.set(nodeId, this.#startedAt);
  }

  /** Begins a session; the result feeds it. Nothing is accepted before Hello. */
  connect(link: AgentLink): { receive: (message: agentProto.AgentMessage) => Promise<void>; closed: () => void } {
    const older = this.#sessions.get(link.nodeId);
    if (older) older.link.close(new Problem('SESSION_REPLACED', `node ${link.nodeName} opened a newer session; this one ends`));
    const output = new OutputReceiver(this.#options.log, this.#options.store);
    const session: Session = { link, output, helloSeen: false, heardAt: this.#options.clock.now() };
    this.#sessions.set(link.nodeId, session);
    // What an older session has begun to store must be there before this one asks where it ends.
    const earlier = this.#outputs.get(link.nodeId);
    this.#outputs.set(link.nodeId, output);
    void this.#queue(link.nodeId, async () => earlier?.ended());
    return {
      receive: (message) => this.#queue(link.nodeId, () => this.#receive(session, message)),
      closed: () => this.#closed(session),
    };
  }

  /** Handles what comes of one node one after another, whatever session it came in. `handle` must not reject. */
  #queue(nodeId: string, handle: () => Promise<void>): Promise<void> {
    const tail = (this.#tails.get(nodeId) ?? Promise.resolve()).then(handle);
    this.#tails.set(nodeId, tail);
    return tail;
  }

  isConnected(nodeId: string): boolean {
    return this.#sessions.get(nodeId)?.helloSeen ?? false;
  }

  awaySince(nodeId: string): number | undefined {
    return this.isConnected(nodeId) ? undefined : (this.#awaySince.get(nodeId) ?? this.#startedAt);
  }

  activeAt(stepId: string, attempt: number): number | undefined {
    return this.#activity.at(stepId, attempt);
  }

  factsOf(nodeId: string): SeenNodeFacts | undefined {
    return this.#facts.of(nodeId);
  }

  /** When something of the node was last heard, ms since the epoch; undefined when never. */
  lastSeenAt(nodeId: string): number | undefined {
    return this.#sessions.get(nodeId)?.heardAt ?? this.#awaySince.get(nodeId) ?? this.#facts.of(nodeId)?.seenAt;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Asks a connected agent for fresh facts; resolves when they arrived, or after `timeoutMs` without them. */
  async refreshFacts(nodeId: string, timeoutMs: number): Promise<void> {
    const session = this.#sessions.get(nodeId);
    if (!session?.helloSeen) return;
    const before = this.#facts.of(nodeId);
    session.link.send({ reportFacts: {} });
    const isOver = () => this.#facts.of(nodeId) !== before || !this.isConnected(nodeId);
    await untilTold((listener) => this.subscribe(listener), isOver, this.#options.clock, timeoutMs);
  }

  /** Ends a node's session, for a node whose enrolment was taken away. */
  cut(nodeId: string, reason: Problem): void {
    this.#sessions.get(nodeId)?.link.close(reason);
  }

  closeAll(reason: Problem): void {
    for (const session of this.#sessions.values()) session.link.close(reason);
  }

  run(operation: string, step: Step, attempt: number): void {
    const session = this.#sessions.get(step.node);
    if (session?.helloSeen) void this.#send(session, operation, step, attempt, true);
  }

  cancel(step: Step, attempt: number): void {
    this.#sessions.get(step.node)?.link.send({ cancel: { step: step.id, attempt, epoch: this.#options.epoch } });
  }

  async #send(session: Session, operation: string, step: Step, attempt: number, isFirst: boolean): Promise<void> {
    const { epoch, resolveSecret, log } = this.#options;
    try {
      const secrets = await secretsOf(step, resolveSecret);
      // Meanwhile it may have been given up or told to end: the agent answers that without having begun it.
      const found = inFlight(log, step.node, step.id);
      if (found?.state.attempt !== attempt || found.loaded.view.endingSince !== undefined) return;
      session.link.send({ run: { operation, step: stepToWire(step), attempt, epoch, secrets } });
      this.#sent.add(`${step.id}/${attempt}`);
      this.#activity.heard(step.id, attempt);
    } catch (error) {
      // One that may have been sent before may have run.
      const outcome = isFirst && !this.#sent.has(`${step.id}/${attempt}`) ? 'FAILED' : 'UNKNOWN';
      const problem = Problem.from(error).toJSON();
      await this.#cannotSend(session, operation, step, { outcome, attempt, problem, durationMs: 0 });
    }
  }

  async #cannotSend(session: Session, operation: string, step: Step, result: FinishedStep): Promise<void> {
    try {
      await this.#finish(operation, step, result);
    } catch (error) {
      // Nothing is written, the step is in flight still: the next session of its node sends it.
      session.link.close(Problem.from(error));
    }
  }

  async #receive(session: Session, message: agentProto.AgentMessage): Promise<void> {
    if (this.#sessions.get(session.link.nodeId) !== session) return;
    session.heardAt = this.#options.clock.now();
    try {
      // One that comes twice would send what is dispatched meanwhile before that is durable.
      if (message.hello) return session.helloSeen ? undefined : await this.#hello(session, message.hello);
      if (!session.helloSeen) throw new Problem('PROTOCOL_VIOLATION', 'an agent sent something before its hello');
      if (message.facts) return await this.#takeFacts(session.link.nodeId, factsFromWire(message.facts));
      if (message.started) return await this.#started(session, message.started);
      if (message.output) return await this.#output(session, message.output);
      if (message.finished) return await this.#finished(session, message.finished);
    } catch (error) {
      this.#options.logger.warn({ node: session.link.nodeName, err: error }, 'session ended over a message');
      session.link.close(Problem.from(error));
      this.#closed(session);
    }
  }

  async #hello(session: Session, hello: agentProto.Hello): Promise<void> {
    const { link } = session;
    const { epoch, serverVersion, heartbeatSeconds, outputWindowBytes, clock, logger } = this.#options;
    await this.#takeFacts(link.nodeId, factsFromWire(hello.facts));
    link.send({
      welcome: {
        serverVersion,
        epoch,
        heartbeatSeconds,
        nodeId: link.nodeId,
        nodeName: link.nodeName,
        outputWindowBytes,
        nowMs: clock.now(),
      },
    });
    await this.#reconcile(session, hello.steps);
    session.helloSeen = true;
    this.#awaySince.delete(link.nodeId);
    logger.info({ node: link.nodeName, agent: hello.agentVersion, steps: hello.steps.length }, 'agent connected');
    this.#tell();
  }

  /** Accounts for every step in flight on the node, and for every step the agent still speaks of. */
  async #reconcile(session: Session, reports: readonly agentProto.StepReport[]): Promise<void> {
    const { log, epoch } = this.#options;
    // A dispatch that is still being written would be sent before it is durable. New ones wait for the end of this.
    await log.durable();
    for (const { step } of inFlightOn(log, session.link.nodeId)) {
      const { loaded, state } = inFlight(log, step.node, step.id) ?? {}; // anew: writing another one took its time
      if (!loaded || !state) continue;
      const report = reports.find((one) => one.step === step.id && one.attempt >= state.attempt);
      this.#activity.heard(step.id, state.attempt);
      const operation = loaded.operation.id;
      if (loaded.view.endingSince !== undefined) await this.#endStep(operation, step, report ?? state, report?.state === 'lost');
      else if (report?.state === 'lost') {
        const attempt = Math.max(state.attempt, report.attempt) + 1;
        await log.append(operation, [{ type: 'step-dispatched', step: step.id, attempt, epoch }]);
        await this.#send(session, operation, step, attempt, true);
      } else if (!report) await this.#send(session, operation, step, state.attempt, false);
    }
    // Why nobody waits for a step any more must be written before its agent lets go of it.
    await log.durable();
    for (const report of reports) {
      const found = inFlight(log, session.link.nodeId, report.step);
      if (found && found.state.attempt <= report.attempt) continue;
      if (report.state === 'running' && (!found || found.loaded.view.endingSince !== undefined))
        session.link.send({ cancel: { step: report.step, attempt: report.attempt, epoch } });
      else if (report.state === 'lost') session.link.send({ finishedAck: { step: report.step, attempt: report.attempt } });
    }
  }

  /** Of an operation that is to end nothing begins (again): a step that the agent does not know yet is never begun once it was cancelled. */
  async #endStep(operation: string, step: Step, { attempt }: { readonly attempt: number }, lost: boolean): Promise<void> {
    if (!lost) return this.cancel(step, attempt);
    await this.#finish(operation, step, lostWhileEnding(step, attempt));
  }

  async #started(session: Session, { step, attempt }: agentProto.StepStarted): Promise<void> {
    const found = inFlight(this.#options.log, session.link.nodeId, step);
    if (found?.state.status !== 'DISPATCHED' || found.state.attempt !== attempt) return;
    this.#activity.heard(step, attempt);
    await this.#options.log.append(found.loaded.operation.id, [{ type: 'step-started', step, attempt }]);
  }

  async #output(session: Session, chunk: agentProto.StepOutput): Promise<void> {
    const { step, attempt, stream } = chunk;
    const found = inFlight(this.#options.log, session.link.nodeId, step);
    if (found) this.#activity.heard(step, found.state.attempt);
    // Output of a step that nobody waits for any more is acknowledged and dropped, so that the agent can let go of it.
    const durable = found ? session.output.take(found.loaded.operation.id, chunk) : Promise.resolve(endOf(chunk));
    const acknowledge = (offset: number) => session.link.send({ outputAck: { step, attempt, stream, offset } });
    // Not awaited: chunks flow on while their batch is written; a result is only handled after `settled`.
    void durable.then(acknowledge, (error) => session.link.close(Problem.from(error)));
  }

  async #finished({ link, output }: Session, finished: agentProto.StepFinished): Promise<void> {
    const { step, attempt } = finished;
    const { log, clock } = this.#options;
    await output.settled();
    if (inFlight(log, link.nodeId, step) && (await asksForOutput(link, output, finished, clock.now()))) return;
    const found = inFlight(log, link.nodeId, step);
    if (found && found.state.attempt <= attempt)
      await this.#finish(found.loaded.operation.id, found.step, finishedStep(finished));
    else await log.durable(); // why nobody waits for it must be written before the agent lets go of it
    link.send({ finishedAck: { step, attempt } });
  }

  async #finish(operation: string, step: Step, result: FinishedStep): Promise<void> {
    const { log, records } = this.#options;
    this.#activity.ended(step.id);
    this.#sent.delete(`${step.id}/${result.attempt}`);
    const { loaded, state } = inFlight(log, step.node, step.id) ?? {}; // it may have been given up since it was looked at
    if (loaded?.operation.id !== operation || !state || state.attempt > result.attempt) return;
    const took = result.outcome === 'SUCCEEDED' || result.outcome === 'SKIPPED';
    const nameOf = (id: string) => loaded.plan.nodes.find((node) => node.id === id)?.name ?? id;
    const writes = took && step.records ? records.change(loaded.plan.cluster, step.records, nameOf) : [];
    await log.append(operation, [{ type: 'step-finished', step: step.id, ...result }], writes);
  }

  async #takeFacts(nodeId: string, facts: NodeFacts): Promise<void> {
    await this.#facts.take(nodeId, facts);
    this.#tell();
  }

  #closed(session: Session): void {
    const { nodeId, nodeName } = session.link;
    if (this.#sessions.get(nodeId) !== session) return;
    this.#sessions.delete(nodeId);
    this.#awaySince.set(nodeId, this.#options.clock.now());
    this.#options.logger.info({ node: nodeName }, 'agent disconnected');
    this.#tell();
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
