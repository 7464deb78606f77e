import type { Plan } from '@seal/plan';
import type { agentProto } from '@seal/protocol';
import { stepKeyText } from '../../agent/src/runner/step-key.ts';
import type { Write } from '../../server/src/store/store.ts';
import type { Host } from './host.ts';
import { ObservedLog } from './observed-log.ts';
import { checkRun } from './observed-runs.ts';
import type { Run } from './run.ts';
import { tokenOf } from './scenario.ts';
import type { World } from './world.ts';

/** A step of the scenario and where it belongs. */
export interface KnownStep {
  readonly id: string;
  readonly token: string;
  readonly node: string;
  readonly phase: string;
  readonly effect: 'idempotent' | 'guarded' | 'irreversible';
}

/** Longer than any call of a port or message takes when nothing goes wrong. */
const idleMs = 30_000;

/** Sees everything at once, and says at each event whether what must hold holds. */
export class Observer {
  readonly log: ObservedLog;
  readonly #world: World;
  readonly #steps = new Map<string, KnownStep>();
  /** When the server or an agent was last away, once it is quiet. */
  #restlessAt: number | undefined;

  constructor(world: World) {
    this.#world = world;
    this.log = new ObservedLog(world);
    for (const { plan } of world.scenario.operations) this.learn(plan);
  }

  /** A plan that somebody is about to ask for. */
  learn(plan: Plan): void {
    for (const phase of plan.phases)
      for (const step of phase.steps) {
        const token = tokenOf(step);
        this.#steps.set(token, { id: step.id, token, node: step.node, phase: phase.name, effect: step.effect });
      }
  }

  stepOf(token: string): KnownStep {
    const found = this.#steps.get(token);
    if (!found) throw new Error(`nothing is called ${token} in this scenario`);
    return found;
  }

  committed(who: string, batch: readonly Write[]): void {
    for (const write of batch) {
      if (write.kind === 'operation') this.log.created(write.operation);
      else if (write.kind === 'event') this.log.event(who, write.event);
      else if (write.kind === 'output') this.log.output(write.output);
    }
  }

  serverSends(who: string, nodeId: string, message: agentProto.ServerMessage): void {
    if (message.run) this.log.stepSent(who, nodeId, message.run);
    if (message.finishedAck) this.log.resultAcknowledged(who, message.finishedAck);
  }

  runBegins(host: Host, run: Run, earlier: readonly Run[]): void {
    checkRun(this.#world, host, this.stepOf(run.token), run, earlier);
  }

  /**
   * Called when nothing goes wrong any more: an operation that could go on goes on at once, whatever limit of time would move it later.
   * A step that was sent is known to its agent.
   */
  checkIdle(): void {
    const world = this.#world;
    const { now } = world.time;
    const lives = [...world.servers, ...world.agents.values()].map(({ life }) => life);
    const isCalm =
      world.newestServer()?.parts &&
      lives.every(({ isFrozen }) => !isFrozen) &&
      world.network.isWhole &&
      [...world.agents.values()].every(({ isConnected }) => isConnected);
    // Nothing may have happened since somebody was frozen: then nobody has looked either.
    const thawedAt = Math.max(0, ...lives.map(({ frozenUntil }) => frozenUntil));
    this.#restlessAt = isCalm && this.#restlessAt !== undefined ? Math.max(this.#restlessAt, thawedAt) : now;
    for (const { id, view, changedAt } of this.log.operations) {
      if (view.finishedAt !== undefined || now - Math.max(changedAt, this.#restlessAt) < idleMs) continue;
      const inFlight = [...view.steps.values()].filter(({ status }) => status === 'DISPATCHED' || status === 'STARTED');
      const unknown = inFlight.find((step) => !world.hosts.get(step.node)?.journal.state.get(step.id, step.attempt));
      if (inFlight.length === 0) world.violated('idle', `operation ${id} is ${view.status}, and nobody goes on with it`);
      if (unknown) world.violated('idle', `operation ${id} waits for step ${unknown.id}, which its agent never got`);
    }
  }

  /** What has not come to its end yet; empty when the world may end. */
  unfinished(): string[] {
    const world = this.#world;
    const server = world.newestServer();
    const left: string[] = [];
    if (!server?.parts) return ['no server serves'];
    for (const { id, view } of this.log.operations) {
      const why = view.waitingFor ? ` (${view.waitingFor})` : '';
      if (view.finishedAt === undefined) left.push(`operation ${id} is ${view.status}${why}`);
      const seq = server.parts.log.active(id)?.view.seq;
      if (seq !== undefined && seq !== view.seq)
        left.push(`the server has operation ${id} at event ${seq}, its store at ${view.seq}`);
    }
    for (const { missing } of world.watchers.values()) if (missing) left.push(missing);
    for (const { unanswered } of world.operators) if (unanswered) left.push(`nobody has answered: ${unanswered}`);
    for (const [nodeId, host] of world.hosts) {
      if (!world.agents.get(nodeId)?.isConnected) left.push(`${host.name} is not connected`);
      if (host.hasRunning) left.push(`a process runs on ${host.name}`);
      const spooled = host.spool.keys.filter((key) => !this.#isToBeForgotten(nodeId, key));
      if (spooled.length > 0) left.push(`${host.name} keeps the output of ${spooled.join(' ')}`);
      // An agent that could not write down that a lost step is settled says so in its next session.
      const kept = world.agents.get(nodeId)?.unsettled() ?? [];
      for (const { step, attempt, state } of kept.filter((one) => one.state !== 'lost' || !this.log.wasAcknowledged(one)))
        left.push(`${host.name} keeps the ${state} step ${step} attempt ${attempt}`);
    }
    return left;
  }

  #isToBeForgotten(nodeId: string, key: string): boolean {
    const kept = this.#world.agents.get(nodeId)?.unsettled() ?? [];
    return kept.some((one) => stepKeyText(one) === key && one.state === 'lost' && this.log.wasAcknowledged(one));
  }

  /** What must hold when everything has come to its end. */
  async checkEnd(): Promise<void> {
    const { parts } = this.#world.newestServer() ?? {};
    if (!parts) return;
    const rows = this.#world.database.prepare('SELECT name, record FROM clusters').all();
    const stored = new Map(rows.map((row) => [String(row.name), String(row.record)]));
    for (const record of parts.records.list())
      if (stored.get(record.name) !== JSON.stringify(record))
        this.#world.violated(
          'records',
          `the server holds cluster ${record.name} otherwise than its store: ${stored.get(record.name)}`,
        );
    this.log.checkEnd();
  }
}
