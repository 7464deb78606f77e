import { Problem } from '@seal/foundation';
import type { agentProto } from '@seal/protocol';
import type { Connection, ConnectionEvents, Transport } from '../../agent/src/session/transport.ts';
import type { Life } from './life.ts';
import type { Prng } from './prng.ts';
import type { ServerLife } from './server-life.ts';
import type { Stream } from './stream.ts';
import { openStream } from './stream.ts';
import type { World } from './world.ts';

export type Direction = 'to-server' | 'to-agent';

/** Time after which an end of a silent connection gives it up (keepalive). */
const silenceMs = [10_000, 50_000] as const;

/** The network between the hosts and the servers: streams in order while they last, and everything that ends them. */
export class Network {
  readonly world: World;
  readonly prng: Prng;
  /** Where nothing passes now: node id and direction. */
  readonly #blocked = new Map<string, () => void>();
  readonly #streams = new Map<string, Set<Stream>>();

  constructor(world: World, prng: Prng) {
    this.world = world;
    this.prng = prng;
  }

  isBlocked(nodeId: string, direction: Direction): boolean {
    return this.#blocked.has(`${nodeId} ${direction}`);
  }

  /** True when everything passes everywhere. */
  get isWhole(): boolean {
    return this.#blocked.size === 0;
  }

  /** How an agent's life reaches a server. */
  transport(life: Life, node: { readonly id: string; readonly name: string }): Transport {
    return { open: (events) => this.#open(life, node, events) };
  }

  /** Nothing passes for a while; what was sent waits, and passes later on streams that still live then. */
  block(nodeId: string, directions: readonly Direction[], milliseconds: number): void {
    for (const direction of directions) {
      this.#blocked.get(`${nodeId} ${direction}`)?.();
      const end = () => {
        this.#blocked.delete(`${nodeId} ${direction}`);
        for (const stream of this.#of(nodeId)) stream.unblocked(direction);
      };
      this.#blocked.set(`${nodeId} ${direction}`, this.world.time.after(milliseconds, end));
    }
    const isSilent = () => this.isBlocked(nodeId, 'to-server') || this.isBlocked(nodeId, 'to-agent');
    for (const stream of this.#of(nodeId)) this.#noticeSilence(stream, isSilent);
  }

  /** One end of these nodes' streams says nothing for a while. */
  froze(nodeIds: Iterable<string>, life: Life): void {
    for (const nodeId of nodeIds) for (const stream of this.#of(nodeId)) this.#noticeSilence(stream, () => life.isFrozen);
  }

  /** Both ends of a node's streams hear that they are broken. */
  reset(nodeId: string): void {
    for (const stream of this.#of(nodeId)) stream.breakOff('the connection was reset');
  }

  #open(life: Life, node: { readonly id: string; readonly name: string }, events: ConnectionEvents): Connection {
    let stream: Stream | undefined;
    let closed = false;
    const unsent: agentProto.AgentMessage[] = [];
    const close = (problem: Problem | undefined) => {
      if (closed || !life.alive) return;
      closed = true;
      events.closed(problem);
    };
    const unreachable = () => close(new Problem('SERVER_UNREACHABLE', 'no connection to the server'));
    const connect = () => {
      if (closed || !life.alive) return;
      const server = this.world.reachableServer(node.id);
      if (!server || this.isBlocked(node.id, 'to-server') || this.isBlocked(node.id, 'to-agent')) return unreachable();
      stream = this.#stream(life, server, node, { message: events.message, closed: close });
      for (const message of unsent) stream.toServer(message);
    };
    this.world.time.after(this.prng.pick([1, 5, 30]), connect);
    return {
      send: (message) => {
        if (closed || !life.point('connection.send')) return;
        if (stream) stream.toServer(message);
        else unsent.push(message);
      },
      close: () => {
        if (!life.alive) return;
        queueMicrotask(() => {
          stream?.agentLeft();
          close(undefined);
        });
      },
    };
  }

  #stream(
    life: Life,
    server: ServerLife,
    node: { readonly id: string; readonly name: string },
    events: ConnectionEvents,
  ): Stream {
    const streams = this.#of(node.id);
    const stream = openStream({ network: this, life, server, node, events, onEnd: () => streams.delete(stream) });
    streams.add(stream);
    return stream;
  }

  /** Each end gives up by itself, when it has heard nothing for long enough. */
  #noticeSilence(stream: Stream, isSilent: () => boolean): void {
    for (const end of ['agent', 'server'] as const)
      this.world.time.after(this.prng.int(...silenceMs), () => {
        if (isSilent()) stream.giveUp(end);
      });
  }

  #of(nodeId: string): Set<Stream> {
    const known = this.#streams.get(nodeId) ?? new Set();
    this.#streams.set(nodeId, known);
    return known;
  }
}
