import { Problem } from '@seal/foundation';
import type { agentProto } from '@seal/protocol';
import type { ConnectionEvents } from '../../agent/src/session/transport.ts';
import type { AgentLink } from '../../server/src/session/sessions.ts';
import type { Life } from './life.ts';
import type { Direction, Network } from './network.ts';
import type { ServerLife } from './server-life.ts';

/** One session's stream. */
export interface Stream {
  toServer(message: agentProto.AgentMessage): void;
  /** The agent's side ended it, or its process died. */
  agentLeft(): void;
  /** Both sides hear that it broke, each in its time; of what was under way a part arrives. */
  breakOff(reason: string): void;
  /** One side has heard nothing for too long. */
  giveUp(end: 'agent' | 'server'): void;
  unblocked(direction: Direction): void;
}

export interface StreamOptions {
  readonly network: Network;
  readonly life: Life;
  readonly server: ServerLife;
  readonly node: { readonly id: string; readonly name: string };
  readonly events: ConnectionEvents;
  readonly onEnd: () => void;
}

interface Waiting {
  readonly deliver: () => void;
  /** May come before or after its neighbour. */
  readonly mayMove: boolean;
}

/** One direction: what is put in comes out in the same order, later, or not at all. */
class Lane {
  readonly #network: Network;
  readonly #isBlocked: () => boolean;
  #queue: Waiting[] = [];
  #moving = false;

  constructor(network: Network, isBlocked: () => boolean) {
    this.#network = network;
    this.#isBlocked = isBlocked;
  }

  put(deliver: () => void): void {
    this.#queue.push({ deliver, mayMove: false });
    this.move();
  }

  /** Of a protocol that bears messages which come twice, or (`mayMove`) before the one sent before them. */
  putMessage(deliver: () => void, mayMove: boolean): void {
    const { world, prng } = this.#network;
    const { faults, time } = world;
    const overtaken =
      mayMove && this.#queue.at(-1)?.mayMove && faults.happens('message-overtaken') ? this.#queue.pop() : undefined;
    this.#queue.push({ deliver, mayMove }, ...(overtaken ? [overtaken] : []));
    this.move();
    if (faults.happens('message-repeated')) time.after(prng.pick([0, 1, 20, 400, 4000]), () => this.put(deliver));
  }

  move(): void {
    if (this.#moving || this.#queue.length === 0 || this.#isBlocked()) return;
    this.#moving = true;
    const { world, prng } = this.#network;
    const delayMs = world.faults.happens('slow-message') ? prng.int(500, 10_000) : prng.pick([0, 0, 1, 3, 15]);
    world.time.after(delayMs, () => {
      this.#moving = false;
      // What waits behind it comes in the same breath more often than not.
      for (let more = !this.#isBlocked(); more; more = prng.chance(0.6)) this.#queue.shift()?.deliver();
      this.move();
    });
  }

  /** Everything after some point is lost. */
  cut(): void {
    this.#queue.length = this.#network.prng.int(0, this.#queue.length);
  }
}

/** Opens the stream at the server's side at once. */
export function openStream({ network, life, server, node, events, onEnd }: StreamOptions): Stream {
  const { world, prng } = network;
  let agentOpen = true;
  let serverOpen = true;
  const up = new Lane(network, () => server.life.isFrozen || network.isBlocked(node.id, 'to-server'));
  const down = new Lane(network, () => life.isFrozen || network.isBlocked(node.id, 'to-agent'));
  server.life.onThaw(() => up.move());
  life.onThaw(() => down.move());
  const closeAgent = (problem: Problem) => {
    if (!agentOpen) return;
    agentOpen = false;
    if (life.alive) events.closed(problem);
    if (!serverOpen) onEnd();
  };
  const closeServer = () => {
    if (!serverOpen) return;
    serverOpen = false;
    session.closed();
    if (!agentOpen) onEnd();
  };
  const link: AgentLink = {
    nodeId: node.id,
    nodeName: node.name,
    send: (message) => {
      if (!serverOpen || !server.life.point('link.send')) return;
      if (!server.disk.copied) world.observer.serverSends(server.life.name, node.id, message);
      const sent = world.mutant.toAgent?.(message) ?? message;
      const deliver = () => {
        if (!agentOpen || !life.alive) return;
        world.note(node.name, `<- ${label(sent)}`);
        events.message(sent);
      };
      down.putMessage(deliver, sent.welcome === undefined);
    },
    close: (problem) => {
      if (!server.life.alive || !serverOpen) return;
      down.put(() => closeAgent(problem));
      // As gRPC does it: the end of the call is told at once.
      closeServer();
    },
  };
  const session = server.connect(link);
  const unreachable = (reason: string) => new Problem('SERVER_UNREACHABLE', reason);
  const breakOff = (reason: string) => {
    up.cut();
    down.cut();
    up.put(closeServer);
    down.put(() => closeAgent(unreachable(reason)));
  };
  const agentLeft = () => {
    if (!agentOpen) return;
    agentOpen = false;
    if (prng.chance(0.5)) up.cut();
    up.put(closeServer);
  };
  life.onEnd(agentLeft);
  server.life.onEnd(() => {
    serverOpen = false;
    down.cut();
    down.put(() => closeAgent(unreachable('the server is gone')));
  });
  return {
    toServer: (message) => {
      if (!agentOpen) return;
      const deliver = () => {
        if (!serverOpen || !server.life.alive) return;
        world.note(node.name, `-> ${label(message)}`);
        void session.receive(message);
      };
      // An outcome follows the output, as the protocol says: only a stream that keeps its order can carry that.
      up.putMessage(deliver, false);
    },
    agentLeft,
    breakOff,
    giveUp: (end) => {
      if (end === 'server' ? server.life.isFrozen : life.isFrozen) return;
      if (end === 'server') down.put(() => closeAgent(unreachable('the server gave it up')));
      else up.put(closeServer);
      if (end === 'server') closeServer();
      else closeAgent(unreachable('keepalive'));
    },
    unblocked: (direction) => (direction === 'to-server' ? up : down).move(),
  };
}

function label(message: agentProto.AgentMessage | agentProto.ServerMessage): string {
  const [kind = '', value] = Object.entries(message).find(([, found]) => found !== undefined) ?? [];
  if (kind === 'hello') return `hello ${JSON.stringify((value as agentProto.Hello).steps)}`;
  const { step, attempt, outcome, offset, epoch } = value as Record<string, unknown>;
  const name = typeof step === 'object' ? (step as { title: string }).title : step;
  return [kind, name, attempt && `attempt ${attempt}`, outcome, offset !== undefined && `@${offset}`, epoch && `epoch ${epoch}`]
    .filter(Boolean)
    .join(' ');
}
