import type { Clock } from '@seal/foundation';
import type { NodeFacts } from '@seal/plan';
import type { Store } from '../store/store.ts';

export interface SeenNodeFacts {
  readonly facts: NodeFacts;
  readonly seenAt: number;
}

/** What every node reported last, in memory and in the store. */
export class SeenFacts {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #facts = new Map<string, SeenNodeFacts>();

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Takes what the store holds; gives the nodes that have ever reported something. */
  async recover(): Promise<readonly string[]> {
    for (const { nodeId, facts, seenAt } of await this.#store.facts()) this.#facts.set(nodeId, { facts, seenAt });
    return [...this.#facts.keys()];
  }

  of(nodeId: string): SeenNodeFacts | undefined {
    return this.#facts.get(nodeId);
  }

  /** Keeps a report; resolves when it is durable. */
  async take(nodeId: string, facts: NodeFacts): Promise<void> {
    const seenAt = this.#clock.now();
    await this.#store.commit([{ kind: 'facts', nodeId, facts, seenAt }]);
    this.#facts.set(nodeId, { facts, seenAt });
  }
}
