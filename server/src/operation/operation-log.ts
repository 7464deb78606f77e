import { type Clock, Problem } from '@seal/foundation';
import {
  applyEvent,
  emptyOperationView,
  foldOperation,
  type OperationEvent,
  type OperationEventBody,
  type OperationPolicy,
  type OperationView,
  type Plan,
} from '@seal/plan';
import type { OutputRange, Store, StoredOperation, StoredOutput, Write } from '../store/store.ts';

/** An operation in memory. `view` is the fold of `events`. */
export interface LoadedOperation {
  readonly operation: StoredOperation;
  readonly plan: Plan;
  readonly view: OperationView;
  readonly events: readonly OperationEvent[];
}

interface Active extends LoadedOperation {
  readonly events: OperationEvent[];
}

interface Pending {
  readonly writes: readonly Write[];
  readonly operation: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** What is recorded with a new operation besides who asked for it. */
export interface Creation {
  readonly policy?: OperationPolicy;
  /** Ids of nodes whose steps are left out. */
  readonly skipNodes?: readonly string[];
  /** The ended operation that this one takes back; its log gets the link too. */
  readonly rollbackOf?: string;
}

export interface OperationLogOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** Runs a callback a little later; everything appended until then shares one durable write. Default setImmediate. */
  readonly defer?: (callback: () => void) => void;
  /** Called when a durable write failed and memory was taken from the store again. */
  readonly onWriteFailure?: (error: unknown) => Promise<void>;
}

/**
 * The append-only log of operations: the one place where what happened is written.
 *
 * INVARIANTS:
 * - `append` numbers events without gaps and applies them to the view at once; its promise resolves when they are durable.
 *   Whatever must not happen before an event is durable (sending a command, acknowledging a result) awaits that promise.
 * - Listeners are told only of durable events and outputs, but for those who ask to be told of what is in memory.
 * - When a write fails, every append of that batch rejects and the views are folded anew from the store.
 */
export class OperationLog {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #defer: (callback: () => void) => void;
  readonly #onWriteFailure: (error: unknown) => Promise<void>;
  readonly #active = new Map<string, Active>();
  readonly #listeners = { durable: new Map<string, Set<() => void>>(), applied: new Map<string, Set<() => void>>() };
  #queue: Pending[] = [];
  #flushing = false;

  constructor(options: OperationLogOptions) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#defer = options.defer ?? ((callback) => void setImmediate(callback));
    this.#onWriteFailure = options.onWriteFailure ?? (async () => undefined);
  }

  /** Loads every unfinished operation; to be called once, before anything else. */
  async recover(): Promise<LoadedOperation[]> {
    for (const operation of await this.#store.unfinishedOperations()) await this.#activate(operation);
    return [...this.#active.values()];
  }

  /** Records a new operation together with `writes`, in one transaction, before its first step. Problem: OPERATION_NOT_FOUND (`rollbackOf`). */
  async create(
    operation: StoredOperation,
    requestedBy: string,
    writes: readonly Write[],
    { policy, skipNodes = [], rollbackOf }: Creation = {},
  ): Promise<LoadedOperation> {
    const created = { ...(policy ? { policy } : {}), ...(rollbackOf === undefined ? {} : { rollbackOf }) };
    const bodies: OperationEventBody[] = [
      { type: 'operation-created', requestedBy, ...created },
      ...skipNodes.map((node): OperationEventBody => ({ type: 'node-skipped', node, requestedBy })),
    ];
    const events = bodies.map(
      (body, index): OperationEvent => ({ ...body, seq: index + 1, at: operation.createdAt, operation: operation.id }),
    );
    const link = rollbackOf === undefined ? [] : [await this.#linkOf(rollbackOf, operation, requestedBy)];
    const eventWrites = [...events, ...link].map((event): Write => ({ kind: 'event', event }));
    // In the one queue of writes: another one that fails takes memory from the store, which must not lack what is on its way there.
    await this.#enqueue(operation.id, [{ kind: 'operation', operation }, ...writes, ...eventWrites]);
    // One whose end nobody has taken out of memory yet has an event more than that.
    const linked = rollbackOf === undefined ? undefined : this.#active.get(rollbackOf);
    if (linked) await this.#activate(linked.operation);
    return this.#activate(operation);
  }

  /** Brings a finished operation back into memory, so that it can be resumed. */
  async reopen(id: string): Promise<LoadedOperation> {
    const operation = await this.#store.operation(id);
    if (!operation) throw notFound(id);
    return this.#active.get(id) ?? (await this.#activate(operation));
  }

  /** Forgets a finished operation's memory; its log stays in the store. */
  close(id: string): void {
    this.#active.delete(id);
  }

  active(id: string): LoadedOperation | undefined {
    return this.#active.get(id);
  }

  allActive(): LoadedOperation[] {
    return [...this.#active.values()];
  }

  /** Ids of a cluster's operations, the newest first; at most one. */
  async newest(cluster: string): Promise<string[]> {
    return (await this.#store.operations({ cluster, limit: 1 })).map((operation) => operation.id);
  }

  /** An operation with its fold, from memory or store. Problem: OPERATION_NOT_FOUND. */
  async read(id: string): Promise<LoadedOperation> {
    const active = this.#active.get(id);
    if (active) return active;
    const operation = await this.#store.operation(id);
    if (!operation) throw notFound(id);
    const events = await this.#store.events(id);
    return { operation, plan: operation.plan, events, view: foldOperation(id, operation.plan, events) };
  }

  /** Appends events to an active operation, with `writes` in the same transaction. Resolves when durable. */
  append(id: string, bodies: readonly OperationEventBody[], writes: readonly Write[] = []): Promise<void> {
    const active = this.#active.get(id);
    if (!active) return Promise.reject(notFound(id));
    const eventWrites = bodies.map((body): Write => {
      const event: OperationEvent = { ...body, seq: active.view.seq + 1, at: this.#clock.now(), operation: id };
      applyEvent(active.view, event);
      active.events.push(event);
      return { kind: 'event', event };
    });
    return this.#enqueue(id, [...eventWrites, ...writes]);
  }

  /** Resolves when everything appended so far is durable; rejects when that write failed. */
  durable(): Promise<void> {
    return this.#enqueue('', []);
  }

  /** Stores output of a step, and gives up what lies in `givenUp`. Resolves when durable. */
  appendOutput(output: StoredOutput, givenUp?: OutputRange): Promise<void> {
    const afterSeq = this.#active.get(output.operation)?.view.seq ?? 0;
    const writes: Write[] = [{ kind: 'output', output, afterSeq }];
    if (givenUp) writes.push({ kind: 'output-given-up', range: givenUp });
    return this.#enqueue(output.operation, writes);
  }

  /**
   * Tells `listener` whenever something of the operation became durable; `applied`: right before it is written, so that what follows from it
   * can be part of the same write. The result ends that.
   */
  subscribe(id: string, listener: () => void, news: 'durable' | 'applied' = 'durable'): () => void {
    const all = this.#listeners[news];
    const listeners = all.get(id) ?? new Set();
    all.set(id, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) all.delete(id);
    };
  }

  async #linkOf(id: string, { id: by, createdAt: at }: StoredOperation, requestedBy: string): Promise<OperationEvent> {
    const { view } = await this.read(id);
    return { type: 'operation-rolled-back', by, requestedBy, seq: view.seq + 1, at, operation: id };
  }

  async #activate(operation: StoredOperation): Promise<Active> {
    const events = await this.#store.events(operation.id);
    const view = emptyOperationView(operation.id, operation.plan);
    for (const event of events) applyEvent(view, event);
    const active: Active = { operation, plan: operation.plan, view, events };
    this.#active.set(operation.id, active);
    return active;
  }

  #enqueue(operation: string, writes: readonly Write[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ operation, writes, resolve, reject });
      if (this.#flushing) return;
      this.#flushing = true;
      this.#defer(() => void this.#flush());
    });
  }

  async #flush(): Promise<void> {
    while (this.#queue.length > 0) {
      const told = this.#queue.length;
      this.#tellApplied(this.#queue);
      await new Promise<void>((resolve) => this.#defer(resolve));
      const batch = this.#queue;
      this.#queue = [];
      // What came meanwhile is written with the rest; what follows from it is in the next write.
      this.#tellApplied(batch.slice(told));
      try {
        await this.#store.commit(batch.flatMap((pending) => pending.writes));
        for (const pending of batch) pending.resolve();
        for (const id of new Set(batch.map((pending) => pending.operation))) this.#notify(id, 'durable');
      } catch (error) {
        const lost = await this.#forgetUnwritten(error);
        for (const pending of [...batch, ...lost]) pending.reject(error);
      }
    }
    this.#flushing = false;
  }

  #tellApplied(pending: readonly Pending[]): void {
    const changed = pending.filter(({ writes }) => writes.some(({ kind }) => kind === 'event'));
    for (const id of new Set(changed.map(({ operation }) => operation))) this.#notify(id, 'applied');
  }

  /** Takes memory from the store again. Whatever is queued until that is done was numbered on top of events that are lost: it is lost too. */
  async #forgetUnwritten(error: unknown): Promise<Pending[]> {
    const lost: Pending[] = [];
    do {
      lost.push(...this.#queue.splice(0));
      for (const active of [...this.#active.values()]) await this.#activate(active.operation);
      await this.#onWriteFailure(error);
    } while (this.#queue.length > 0);
    for (const id of this.#active.keys()) this.#notify(id, 'applied');
    return lost;
  }

  #notify(id: string, news: 'durable' | 'applied'): void {
    for (const listener of this.#listeners[news].get(id) ?? []) listener();
  }
}

function notFound(id: string): Problem {
  return new Problem('OPERATION_NOT_FOUND', `there is no operation "${id}"`);
}
