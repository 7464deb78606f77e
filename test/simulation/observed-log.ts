import type { DatabaseSync } from 'node:sqlite';
import { applyEvent, emptyOperationView, type OperationEvent, unavailableLimit } from '@seal/plan';
import type { agentProto } from '@seal/protocol';
import { type StepKey, stepKeyText } from '../../agent/src/runner/step-key.ts';
import type { StoredOperation, StoredOutput } from '../../server/src/store/store.ts';
import {
  failedNodes,
  isDone,
  isInFlight,
  mostAtOnce,
  type ObservedOperation,
  type OfStep,
  ofStep,
  openNodes,
  openPhaseBefore,
  subjectOf,
  workersOf,
} from './observed-operation.ts';
import { restoredOperations, restoredOutputEnds } from './restored-log.ts';
import { outputByte } from './simulated-spool.ts';
import type { World } from './world.ts';

type Finished = Extract<OperationEvent, { type: 'step-finished' }>;

/** Outcomes that the server may write down without an agent's journal. */
const givenUp = ['NODE_UNREACHABLE', 'CANCEL_UNANSWERED'];
const withoutJournal = [...givenUp, 'SECRET_MISSING', 'JOURNAL_FAILED', 'CANCELLED'];

/** The server's log as it is on disk, and what must hold of it with every event. */
export class ObservedLog {
  readonly operations: ObservedOperation[] = [];
  /** As they were when the server lost its disk. */
  readonly #forgotten: ObservedOperation[] = [];
  readonly #world: World;
  #outputEnds = new Map<string, number>();
  readonly #acknowledged = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  /** The operation that a step belongs to. */
  ofStep(step: string): OfStep | undefined {
    return ofStep(this.operations, step);
  }

  /** What the log has ever said of a step: also when the server lost that with its disk. The newest attempt counts. */
  everOfStep(step: string): OfStep | undefined {
    const known = [this.ofStep(step), ...this.#forgotten.map((operation) => ofStep([operation], step))].filter((one) => one);
    return known.reduce((newest, one) => (one && newest && one.state.attempt > newest.state.attempt ? one : newest), known[0]);
  }

  /** From here on the store is this older copy of itself. */
  restored(database: DatabaseSync): void {
    this.#forgotten.push(...this.operations);
    this.operations.splice(0, Number.POSITIVE_INFINITY, ...restoredOperations(database, this.operations, this.#world.time.now));
    this.#outputEnds = restoredOutputEnds(database);
  }

  created({ id, plan }: StoredOperation): void {
    const others = this.operations.filter((other) => other.plan.cluster === plan.cluster && other.view.finishedAt === undefined);
    if (plan.cluster !== '' && others.length > 0)
      this.#violated('one-writer', `${id} was begun while ${others[0]?.id} changes cluster ${plan.cluster}`);
    if (this.operations.some((other) => other.plan.id === plan.id)) this.#violated('one-plan', `${plan.id} was recorded twice`);
    this.#world.watch(id);
    this.operations.push({ id, plan, view: emptyOperationView(id, plan), resumedAt: [], changedAt: this.#world.time.now });
  }

  event(who: string, event: OperationEvent): void {
    const operation = this.operations.find(({ id }) => id === event.operation);
    if (!operation) {
      this.#violated('log', `an event of ${event.operation}, which was never recorded`);
      return;
    }
    const { view } = operation;
    const { seq: _seq, at: _at, operation: _operation, ...rest } = event;
    this.#world.note(who, `log ${view.seq + 1} ${JSON.stringify(rest).slice(0, 160)}`);
    if (event.seq !== view.seq + 1) this.#violated('log', `event ${event.seq} follows ${view.seq} in ${event.operation}`);
    this.#check(operation, event);
    if (event.type === 'resume-requested') operation.resumedAt.push(this.#world.time.now);
    if (view.finishedAt !== undefined) this.#world.watchers.get(view.operation)?.begin();
    const before = event.type === 'step-dispatched' ? view.steps.get(event.step)?.status : undefined;
    applyEvent(view, event);
    operation.changedAt = this.#world.time.now;
    // What was in flight and was lost is only sent again.
    if (event.type === 'step-dispatched' && before === 'PENDING') this.#checkBegin(operation, event.step);
  }

  output({ step, attempt, stream, offset, data, droppedBytes }: StoredOutput): void {
    const name = `${step}.${attempt}/${stream}`;
    const end = this.#outputEnds.get(name) ?? 0;
    if (offset !== end + droppedBytes)
      this.#violated('output', `${name}: bytes at ${offset} follow those before ${end} (dropped ${droppedBytes})`);
    if (data.some((byte, index) => byte !== outputByte({ step, attempt }, stream, offset + index)))
      this.#violated('output', `${name}: wrong bytes at ${offset}`);
    this.#outputEnds.set(name, offset + data.length);
  }

  stepSent(who: string, nodeId: string, { step, attempt }: agentProto.RunStep): void {
    const found = this.ofStep(step?.id ?? '');
    if (!found) {
      this.#violated('outside-plan', `${who} sends step ${step?.id}, which is in no recorded plan`);
      return;
    }
    const { operation, state } = found;
    if (state.node !== nodeId) this.#violated('outside-plan', `${who} sends step ${state.id} of node ${state.node} to ${nodeId}`);
    if (state.attempt < attempt)
      this.#violated('decision-durable', `${who} sends ${state.id} attempt ${attempt}, which is not in the log yet`);
    if (operation.view.endingSince !== undefined && who === this.#world.newestServer()?.life.name)
      this.#violated('cancelled', `${who} sends ${state.id} although its operation is to end`);
  }

  /** Where the stored output of a stream ends: `<step>.<attempt>/<stream>`. */
  outputEnd(name: string): number {
    return this.#outputEnds.get(name) ?? 0;
  }

  wasAcknowledged(key: StepKey): boolean {
    return this.#acknowledged.has(stepKeyText(key));
  }

  resultAcknowledged(who: string, { step, attempt }: agentProto.FinishedAck): void {
    this.#acknowledged.add(stepKeyText({ step, attempt }));
    const found = this.ofStep(step);
    if (found && isInFlight(found.state) && found.state.attempt <= attempt)
      this.#violated('result-durable', `${who} acknowledges ${step} attempt ${attempt}, whose end is not in the log`);
  }

  /** In the end the journals say what the log says. */
  checkEnd(): void {
    for (const { id, view } of this.operations)
      for (const step of view.steps.values()) {
        const latest = this.#world.hosts.get(step.node)?.journal.state.latest(step.id);
        // Of whichever attempt: a server that was restored from a backup knows of fewer.
        const took = this.#world.hosts.get(step.node)?.journal.state.succeeded(step.id) !== undefined;
        if (step.status === 'SUCCEEDED' && latest && !took)
          this.#violated('agreement', `${id}: step ${step.id} SUCCEEDED, its agent's journal says ${latest.finished?.outcome}`);
      }
  }

  #check(operation: ObservedOperation, event: OperationEvent): void {
    const { view, plan } = operation;
    const inFlight = [...view.steps.values()].filter(isInFlight);
    if (view.finishedAt !== undefined && event.type !== 'resume-requested' && event.type !== 'operation-rolled-back')
      this.#violated('log', `${event.type} after the end of ${view.operation}`);
    switch (event.type) {
      case 'operation-created':
        this.#checkRollback(operation, event.rollbackOf);
        return;
      case 'resume-requested':
        if (view.rolledBackBy !== undefined)
          this.#violated('rollback', `${view.operation} is resumed, which ${view.rolledBackBy} takes back`);
        if (
          this.operations.some(
            (other) =>
              other !== operation &&
              other.plan.cluster !== '' &&
              other.plan.cluster === plan.cluster &&
              other.view.finishedAt === undefined,
          )
        )
          this.#violated('one-writer', `${view.operation} was resumed while another operation changes cluster ${plan.cluster}`);
        return;
      case 'phase-started':
        this.#checkEarlierPhases(operation, event.phase);
        if (plan.phases.find(({ name }) => name === event.phase)?.needsAll && failedNodes(operation).length > 0)
          this.#violated('needs-all', `${event.phase} begins although ${failedNodes(operation).join(', ')} failed`);
        return;
      case 'phase-finished':
        if (inFlight.length > 0) this.#violated('phase-end', `${event.phase} ends while ${inFlight[0]?.id} is in flight`);
        return;
      case 'operation-finished':
        if (inFlight.length > 0) this.#violated('phase-end', `the operation ends while ${inFlight[0]?.id} is in flight`);
        if (event.status === 'SUCCEEDED') this.#checkSuccess(operation);
        return;
      case 'step-dispatched':
        this.#checkDispatch(operation, event.step, event.attempt);
        return;
      case 'step-finished':
        this.#checkOutcome(operation, event);
        return;
    }
  }

  /** Only what has ended without success is taken back, once, and only where it began something. */
  #checkRollback({ id, plan }: ObservedOperation, rollbackOf: string | undefined): void {
    if (rollbackOf === undefined) return;
    const original = this.operations.find((other) => other.id === rollbackOf);
    const { status, rolledBackBy, steps } = original?.view ?? {};
    if ((status !== 'FAILED' && status !== 'CANCELLED') || (rolledBackBy !== undefined && rolledBackBy !== id))
      this.#violated('rollback', `${id} takes ${rollbackOf} back, which is ${status}, taken back by ${rolledBackBy}`);
    const begun = [...(steps?.values() ?? [])].filter(({ attempt }) => attempt > 0).map(({ node }) => node);
    const other = plan.nodes.find((node) => !begun.includes(node.id));
    if (other) this.#violated('rollback', `${id} touches ${other.name}, on which ${rollbackOf} began nothing`);
  }

  #checkDispatch({ view, plan }: ObservedOperation, id: string, attempt: number): void {
    const step = view.steps.get(id);
    const phase = plan.phases.find(({ name }) => name === step?.phase);
    if (!step || !phase) {
      this.#violated('outside-plan', `step ${id} is not in ${plan.id}`);
      return;
    }
    if (isDone(step)) this.#violated('twice', `${id} is sent again after ${step.status}`);
    if (attempt <= step.attempt) this.#violated('attempt', `${id}: attempt ${attempt} follows ${step.attempt}`);
    if (view.endingSince !== undefined) this.#violated('cancelled', `${id} is dispatched although the operation is to end`);
    this.#checkEarlierPhases({ view, plan }, phase.name);
    const lane = phase.steps.filter(({ node }) => node === step.node).map((each) => view.steps.get(each.id));
    const before = lane.slice(0, lane.indexOf(step));
    if (before.some((each) => each && !isDone(each)))
      this.#violated('order', `${id} is dispatched before an earlier step of its node is done`);
  }

  #checkEarlierPhases(operation: Pick<ObservedOperation, 'view' | 'plan'>, name: string): void {
    const open = openPhaseBefore(operation, name);
    if (open) this.#violated('phase-order', `${name} before ${open} is done`);
  }

  /** Called when `id` has just been dispatched for the first time, or after a resume. */
  #checkBegin({ view, plan, resumedAt }: ObservedOperation, id: string): void {
    const phase = plan.phases.find(({ name }) => name === view.steps.get(id)?.phase);
    const step = phase?.steps.find((each) => each.id === id);
    if (!phase || !step) return;
    const open = openNodes(phase, view, resumedAt.length > 0);
    const workers = workersOf(plan);
    const limit = unavailableLimit(view.policy.maxUnavailable, workers.length);
    const failed = failedNodes({ view, plan });
    const most = mostAtOnce({ view, plan }, phase);
    if (open.length > most) this.#violated('parallelism', `${open.join(', ')} at a time in ${phase.name}, which allows ${most}`);
    if (failed.length > 0 && view.policy.onFailure === 'fail-fast')
      this.#violated('fail-fast', `${id} begins after ${failed.join(', ')} failed`);
    if (failed.length > limit) this.#violated('max-unavailable', `${id} begins after ${failed.join(', ')} failed; ${limit} may`);
    if (failed.includes(subjectOf(step))) this.#violated('failed-node', `${id} begins on a node that failed before`);
    if (view.skippedNodes.has(subjectOf(step))) this.#violated('skipped-node', `${id} begins on a node that is left out`);
    const master = failed.find((node) => !workers.includes(node));
    if (master) this.#violated('failed-master', `${id} begins after ${master} failed, a master`);
  }

  #checkSuccess({ view, plan }: ObservedOperation): void {
    for (const step of plan.phases.flatMap((phase) => phase.steps)) {
      const status = view.steps.get(step.id)?.status;
      if (status !== 'SUCCEEDED' && status !== 'SKIPPED' && !step.mayFail)
        this.#violated('success', `the operation SUCCEEDED, its step ${step.id} is ${status}`);
    }
  }

  /** What is written down as the end of a step is what its node knows, with all of its output. */
  #checkOutcome({ view }: ObservedOperation, { step, attempt, outcome, problem }: Finished): void {
    const state = view.steps.get(step);
    const host = this.#world.hosts.get(state?.node ?? '');
    if (!state || !host) {
      this.#violated('outside-plan', `the end of step ${step}, which is not in the plan`);
      return;
    }
    if (isDone(state)) this.#violated('twice', `${step} ends as ${outcome} after ${state.status}`);
    const known = host.journal.state.get(step, attempt)?.finished;
    // A server that was restored from a backup has not sent what it cannot send, as far as it knows.
    const isGivenUp =
      (problem?.code === 'SECRET_MISSING' && this.#world.restoredAt > 0) ||
      givenUp.includes(problem?.code ?? '') ||
      (outcome === 'UNKNOWN' && ['SECRET_MISSING', 'CANCELLED'].includes(problem?.code ?? ''));
    if (!known || isGivenUp) {
      // Lost, and cancelled on a full disk or asked for under too low an attempt (by a server restored from a backup).
      const isLost = outcome === 'UNKNOWN' && problem?.code === 'STEP_UNKNOWN';
      if (!withoutJournal.includes(problem?.code ?? '') && !isLost)
        this.#violated(
          'agreement',
          `${step} attempt ${attempt} is ${outcome} (${problem?.code}), its agent's journal knows nothing of it`,
        );
      return;
    }
    // A cancel has come before the command, which cannot be sent: both say that it was never begun.
    const neverBegan = problem?.code === 'SECRET_MISSING' && known.outcome === 'CANCELLED';
    if (known.outcome !== outcome && !neverBegan)
      this.#violated(
        'agreement',
        `${step} attempt ${attempt} is ${outcome} (${problem?.code}), its agent's journal says ${known.outcome}`,
      );
    if (host.spool.wasDamaged({ step, attempt })) return;
    for (const [stream, bytes] of [
      [1, known.stdoutBytes],
      [2, known.stderrBytes],
    ] as const) {
      const end = this.#outputEnds.get(`${step}.${attempt}/${stream}`) ?? 0;
      // An attempt that a server restored from a backup asked for a second time writes where the first one did.
      const isSecond = end > bytes && this.#world.restoredAt > 0;
      if (end !== bytes && !isSecond)
        this.#violated('output', `${step}.${attempt}/${stream} ends with ${bytes} bytes, the server has ${end}`);
    }
  }

  #violated(invariant: string, message: string): void {
    this.#world.violated(invariant, message);
  }
}
