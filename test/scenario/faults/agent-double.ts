import type { agentProto } from '@seal/protocol';

type AgentMessage = agentProto.AgentMessage;
type ServerMessage = agentProto.ServerMessage;

/**
 * A double of an agent: speaks the protocol, runs nothing, and ends every step at once. Its memory outlives its connections as an agent's
 * journal outlives its process, so a command that comes again is answered from it.
 */
export class AgentDouble {
  readonly name: string;
  readonly address: string;
  /** How often each step was done. */
  readonly effects = new Map<string, number>();
  /** True: every step fails. */
  failing = false;
  /** Sessions in which it was welcomed. */
  welcomes = 0;
  readonly #outcomes = new Map<string, agentProto.StepFinished>();
  readonly #unsettled = new Set<string>();

  constructor(name: string, address: string) {
    this.name = name;
    this.address = address;
  }

  /** The first message of a session. */
  hello(): AgentMessage {
    const steps = [...this.#unsettled].flatMap((key) => {
      const known = this.#outcomes.get(key);
      return known ? [{ step: known.step, attempt: known.attempt, state: 'finished' }] : [];
    });
    return { hello: { agentVersion: 'double', bootId: this.name, facts: this.#facts(), steps } };
  }

  /** Handles a message of the server. */
  receive(message: ServerMessage, send: (message: AgentMessage) => void): void {
    if (message.welcome) {
      this.welcomes += 1;
      for (const key of this.#unsettled) this.#tell(this.#outcomes.get(key)!, send);
    }
    if (message.run?.step) this.#run(message.run.step.id, message.run.attempt, send);
    if (message.finishedAck) this.#unsettled.delete(`${message.finishedAck.step}/${message.finishedAck.attempt}`);
    if (message.reportFacts) send({ facts: this.#facts() });
  }

  #run(step: string, attempt: number, send: (message: AgentMessage) => void): void {
    const key = `${step}/${attempt}`;
    const known = this.#outcomes.get(key);
    if (known) {
      this.#tell(known, send);
      return;
    }
    this.effects.set(step, (this.effects.get(step) ?? 0) + 1);
    const outcome = this.failing ? 'FAILED' : 'SUCCEEDED';
    const exitCode = this.failing ? 7 : 0;
    const sizes = { stdoutBytes: this.#output.length, stderrBytes: 0 };
    const finished = { step, attempt, outcome, exitCode, problem: undefined, durationMs: 0, ...sizes };
    this.#outcomes.set(key, finished);
    this.#unsettled.add(key);
    send({ accepted: { step, attempt } });
    send({ started: { step, attempt } });
    this.#tell(finished, send);
  }

  /** All output goes before the outcome, in every session anew. */
  #tell(finished: agentProto.StepFinished, send: (message: AgentMessage) => void): void {
    const { step, attempt } = finished;
    send({ output: { step, attempt, stream: 1, offset: 0, data: this.#output, droppedBytes: 0 } });
    send({ finished });
  }

  get #output(): Buffer {
    return Buffer.from(`done on ${this.name}\n`);
  }

  #facts(): Record<string, unknown> {
    return {
      ...{ hostname: this.name, addresses: [this.address], arch: 'amd64', machineId: this.name, bootId: this.name },
      ...{ os: { id: 'debian', version: '12', kernel: '6.1' }, cpus: 1, memoryBytes: 1e9, swapBytes: 0, diskFreeBytes: 1e11 },
      ...{ listeningPorts: [], rootfs: [], takenAt: Date.now(), agentVersion: 'double' },
    };
  }
}
