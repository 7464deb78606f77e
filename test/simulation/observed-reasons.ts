import { isInFlight, type ObservedOperation } from './observed-operation.ts';
import type { ServerLife } from './server-life.ts';
import type { World } from './world.ts';

/** Longer than a server that lives leaves a decision unwritten: calls take their time, and a refused write is tried again after 5 s. */
const patienceMs = 60_000;
const everyMs = 2000;

/** Also while things go wrong: an operation that has not ended has work under way, or says what it waits for, and that is so. */
export class ObservedReasons {
  readonly #world: World;
  /** Since when a node is connected to the newest server: node id to ms. */
  readonly #connectedSince = new Map<string, number>();
  /** When a node was last seen connected. */
  readonly #connectedAt = new Map<string, number>();
  #lookedAt = 0;

  constructor(world: World) {
    this.#world = world;
  }

  look(): void {
    const { time, observer } = this.#world;
    if (time.now - this.#lookedAt < everyMs) return;
    this.#lookedAt = time.now;
    const server = this.#world.newestServer();
    if (!server?.parts) {
      this.#connectedSince.clear();
      return;
    }
    for (const nodeId of this.#world.hosts.keys()) {
      if (!server.parts.sessions.isConnected(nodeId)) this.#connectedSince.delete(nodeId);
      else {
        this.#connectedAt.set(nodeId, time.now);
        if (!this.#connectedSince.has(nodeId)) this.#connectedSince.set(nodeId, time.now);
      }
    }
    for (const operation of observer.log.operations) this.#check(operation, server);
  }

  #check({ id, plan, view, changedAt }: ObservedOperation, server: ServerLife): void {
    const { now } = this.#world.time;
    // On a full disk nothing can be written down, no reason either.
    const since = Math.max(changedAt, server.servesSince, server.life.frozenUntil, this.#world.storeFullUntil);
    if (view.finishedAt !== undefined || now - since < patienceMs) return;
    const connectedFor = (nodeId: string) => now - (this.#connectedSince.get(nodeId) ?? now);
    if (view.waitingFor !== undefined) {
      const named = plan.nodes.filter(({ name, ip }) => view.waitingFor?.includes(`${name} (${ip})`));
      if (named.length === 0 || named.every((node) => connectedFor(node.id) >= patienceMs))
        this.#world.violated('reason', `operation ${id} says "${view.waitingFor}", which is not so`);
      return;
    }
    // A node that has just gone is waited for from now on.
    const wasHere = (nodeId: string) => now - (this.#connectedAt.get(nodeId) ?? Number.NEGATIVE_INFINITY) < patienceMs;
    if (![...view.steps.values()].some((step) => isInFlight(step) && wasHere(step.node)))
      this.#world.violated('reason', `operation ${id} is ${view.status}, nothing of it is under way, and it does not say why`);
  }
}
