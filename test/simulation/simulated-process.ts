import type { FoundProcess, ProcessEnd, ProcessIdentity, StepCommand, StepProcess } from '../../agent/src/runner/process-port.ts';
import { type StepKey, stepKeyText } from '../../agent/src/runner/step-key.ts';
import type { Host } from './host.ts';
import type { Life } from './life.ts';
import type { Run } from './run.ts';

/** How long a command waits behind its gate until it notices that the agent has let it go, or has died. */
const gateMs = [0, 1, 5, 120];

/** The process of a step on a simulated host: it outlives the agent, and its end is written to a file as real ones do. */
export class SimulatedProcess {
  readonly identity: ProcessIdentity;
  readonly key: StepKey;
  readonly #host: Host;
  readonly #token: string;
  readonly #watchers = new Set<() => void>();
  #gate: 'shut' | 'released' | 'given-up' = 'shut';
  #run: Run | undefined;
  #end: ProcessEnd | undefined;

  constructor(host: Host, key: StepKey, command: StepCommand, pid: number) {
    this.#host = host;
    this.key = key;
    this.#token = command.argv[1] ?? '';
    this.identity = { pid, startTime: String(host.world.time.events), bootId: host.bootId };
  }

  get isRunning(): boolean {
    return this.#run !== undefined && this.#end === undefined;
  }

  /** The process as one life of the agent holds it. */
  heldBy(life: Life, isOwn: boolean): StepProcess {
    let watching = true;
    const ended = new Promise<ProcessEnd>((resolve) => {
      const look = () => {
        if (!this.#end || !watching) return;
        // A process that is no child is looked at from time to time.
        const delayMs = isOwn ? 0 : this.#host.prng.int(0, 200);
        const answer = () => void life.call('process.end', () => this.#end ?? { type: 'vanished' as const }).then(resolve);
        life.clock.setTimer(delayMs, () => watching && answer());
      };
      this.#watchers.add(look);
      look();
    });
    if (isOwn) life.onEnd(() => this.#giveUp());
    return {
      identity: this.identity,
      ended,
      release: () => {
        if (isOwn && life.point('process.release')) this.#release();
        life.point('after process.release');
      },
      signal: (signal) => {
        if (!life.point('process.signal')) return;
        if (this.#run) this.#run.wasSignalled = true;
        this.#signal(signal);
      },
      detach: () => {
        if (!life.alive) return;
        watching = false;
        if (isOwn) this.#giveUp();
      },
    };
  }

  find(life: Life): FoundProcess {
    return this.#end ? { end: this.#end } : { running: this.heldBy(life, false) };
  }

  #signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    if (this.#end) return;
    if (signal === 'SIGKILL' || !this.#run) {
      this.#finish({ type: 'vanished' }, 'killed');
      return;
    }
    const { onTerm } = this.#host.behaviour(this.#token);
    if (onTerm === 'ignores') return;
    const exitCode = onTerm === 'succeeds' ? 0 : 143;
    this.#after(this.#host.prng.pick([0, 10, 900]), () => this.#exit(exitCode));
  }

  /** The host lost its power; the file with the exit code may be lost with it. */
  loseUnsynced(): void {
    if (!this.#end) this.#finish({ type: 'vanished' }, 'lost');
    else if (this.#end.type !== 'vanished' && this.#host.prng.chance(0.4)) {
      this.#end = { type: 'vanished' };
      if (this.#run) this.#run.isEndLost = true;
    }
  }

  #release(): void {
    if (this.#gate !== 'shut') return;
    this.#gate = 'released';
    this.#after(this.#host.prng.pick(gateMs), () => this.#begin());
  }

  /** Whoever held the gate is gone: the command never runs. */
  #giveUp(): void {
    if (this.#gate !== 'shut') return;
    this.#gate = 'given-up';
    this.#after(this.#host.prng.pick(gateMs), () => this.#finish({ type: 'never-ran' }, 'never ran'));
  }

  #begin(): void {
    const { world, prng } = this.#host;
    const behaviour = this.#host.behaviour(this.#token);
    const run = this.#host.begin(this.#token, this.key);
    this.#run = run;
    let atMs = 0;
    for (const { stream, bytes } of behaviour.output) {
      atMs += prng.int(0, Math.floor((behaviour.durationMs - atMs) / 2));
      this.#after(atMs, () => this.#host.spool.grow(this.key, stream, bytes));
    }
    const exitCode = behaviour.exitCodes[run.number] ?? 0;
    this.#after(behaviour.effectAtMs, () => {
      if (exitCode === 0 || prng.chance(0.5)) this.#host.takeEffect(run);
    });
    if (world.faults.happens('process-killed')) this.#after(prng.int(0, behaviour.durationMs), () => this.#signal('SIGKILL'));
    if (!behaviour.hangs) this.#after(behaviour.durationMs, () => this.#exit(exitCode));
  }

  #exit(exitCode: number): void {
    if (exitCode === 0 && this.#run) this.#host.takeEffect(this.#run);
    this.#finish({ type: 'exited', exitCode, at: this.#host.wallClock() }, `exit ${exitCode}`);
  }

  #finish(end: ProcessEnd, how: string): void {
    if (this.#end) return;
    this.#end = end;
    if (this.#run) this.#run.end = end.type === 'exited' ? end.exitCode : 'vanished';
    this.#host.world.note(this.#host.name, `process of ${this.#token} (${stepKeyText(this.key)}): ${how}`);
    for (const watcher of this.#watchers) watcher();
  }

  #after(milliseconds: number, action: () => void): void {
    this.#host.world.time.after(milliseconds, () => {
      if (!this.#end) action();
    });
  }
}
