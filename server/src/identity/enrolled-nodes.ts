import { type Clock, Problem } from '@seal/foundation';
import { appendAudit } from './audit.ts';
import type { IdentityStore, StoredNode } from './identity-store.ts';

/**
 * Every node that was ever enrolled, and what is denied: held in memory so that each call can be checked at once, written through to the
 * store. INVARIANT: memory follows the store, never the other way round; this process is the store's only writer.
 */
export class EnrolledNodes {
  readonly #store: IdentityStore;
  readonly #clock: Clock;
  readonly #nodes = new Map<string, StoredNode>();
  readonly #deniedSerials = new Set<string>();
  readonly #onDenied = new Set<(nodeId: string) => void>();

  private constructor(store: IdentityStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  static async load(store: IdentityStore, clock: Clock): Promise<EnrolledNodes> {
    const nodes = new EnrolledNodes(store, clock);
    const found = await store.transaction((rows) => ({ nodes: rows.nodes(), denials: rows.denials() }));
    for (const node of found.nodes) nodes.#nodes.set(node.id, node);
    for (const denial of found.denials) nodes.#deniedSerials.add(denial.serial);
    return nodes;
  }

  /** Nodes that were not removed, in the order in which they came. */
  list(): StoredNode[] {
    return [...this.#nodes.values()].filter((node) => node.removedAt === undefined);
  }

  /** Also one that was removed. */
  get(nodeId: string): StoredNode | undefined {
    return this.#nodes.get(nodeId);
  }

  isDeniedSerial(serial: string): boolean {
    return this.#deniedSerials.has(serial);
  }

  /** Called with the id of each node that counts no more from now on, so that its live streams are cut. */
  onDenied(listener: (nodeId: string) => void): void {
    this.#onDenied.add(listener);
  }

  /** Takes over a row that a transaction has just written. */
  follow(node: StoredNode): void {
    const before = this.#nodes.get(node.id);
    this.#nodes.set(node.id, node);
    if (node.removedAt === undefined || before?.removedAt !== undefined) return;
    for (const listener of this.#onDenied) listener(node.id);
  }

  /** Takes a node's enrolment away, for ever: its certificates and its key count no more. Problem: NODE_NOT_FOUND. */
  async remove(nodeId: string, removedBy: string): Promise<void> {
    const now = this.#clock.now();
    const removed = await this.#store.transaction((rows) => {
      const node = rows.node(nodeId);
      if (!node || node.removedAt !== undefined) throw new Problem('NODE_NOT_FOUND', `no enrolled node has the id "${nodeId}"`);
      const gone: StoredNode = { ...node, removedAt: now, removedBy };
      rows.putNode(gone);
      const detail = { node: nodeId, name: node.name };
      appendAudit(rows, { actor: removedBy, action: 'node-removed', decision: 'allowed', detail }, now);
      return gone;
    });
    this.follow(removed);
  }

  /** Denies one certificate by its serial (lower-case hex), such as a lost operator certificate. */
  async denySerial(serial: string, deniedBy: string): Promise<void> {
    const now = this.#clock.now();
    await this.#store.transaction((rows) => {
      rows.putDenial({ serial, deniedAt: now, deniedBy });
      appendAudit(rows, { actor: deniedBy, action: 'certificate-denied', decision: 'allowed', detail: { serial } }, now);
    });
    this.#deniedSerials.add(serial);
  }
}
