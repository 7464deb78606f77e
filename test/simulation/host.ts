import { Problem } from '@seal/foundation';
import type { Probe } from '@seal/plan';
import type { ProcessPort } from '../../agent/src/runner/process-port.ts';
import type { ProbeAnswer } from '../../agent/src/runner/resolve-doubt.ts';
import type { StepKey } from '../../agent/src/runner/step-key.ts';
import { JournalDisk } from './journal-disk.ts';
import type { Life } from './life.ts';
import type { Prng } from './prng.ts';
import type { Run } from './run.ts';
import type { Behaviour } from './scenario.ts';
import { SimulatedProcess } from './simulated-process.ts';
import { SimulatedSpool } from './simulated-spool.ts';
import type { World } from './world.ts';

/** A simulated machine under an agent: its disks, its processes, its wall clock, and what steps have done to it. */
export class Host {
  readonly world: World;
  readonly name: string;
  readonly nodeId: string;
  readonly prng: Prng;
  readonly journal: JournalDisk;
  readonly spool: SimulatedSpool;
  readonly #behaviours: ReadonlyMap<string, Behaviour>;
  readonly #runs = new Map<string, Run[]>();
  readonly #processes: SimulatedProcess[] = [];
  #boots = 1;
  #fullUntil = 0;
  #clockOffset: number;

  constructor(world: World, node: { readonly id: string; readonly name: string }, prng: Prng) {
    this.world = world;
    this.name = node.name;
    this.nodeId = node.id;
    this.prng = prng;
    const isFull = () => this.isFull;
    this.journal = new JournalDisk(world, prng.fork('journal'), isFull);
    this.spool = new SimulatedSpool(world.faults, prng.fork('spool'), isFull);
    this.#behaviours = world.scenario.behaviours;
    this.#clockOffset = prng.int(-3000, 3000);
  }

  get bootId(): string {
    return `${this.name}-boot-${this.#boots}`;
  }

  wallClock(): number {
    return this.world.epochMs + this.world.time.now + this.#clockOffset;
  }

  jumpClock(): void {
    const jumpMs = this.prng.int(-300_000, 300_000);
    this.#clockOffset += jumpMs;
    this.world.note(this.name, `its clock jumps by ${jumpMs} ms`);
  }

  /** True while nothing more fits on its disk. */
  get isFull(): boolean {
    return !this.world.faults.quiet && this.world.time.now < this.#fullUntil;
  }

  fillDisk(milliseconds: number): void {
    this.world.note(this.name, `its disk is full for ${milliseconds} ms`);
    this.#fullUntil = this.world.time.now + milliseconds;
  }

  behaviour(token: string): Behaviour {
    // What undoes something does it the same way, whichever rollback it is of.
    const found = this.#behaviours.get(token) ?? this.#behaviours.get(token.replace(/\.[^.]*$/, ''));
    if (!found) throw new Error(`nothing is called ${token} in this scenario`);
    return found;
  }

  get hasRunning(): boolean {
    return this.#processes.some((process) => process.isRunning);
  }

  runsOf(token: string): readonly Run[] {
    return this.#runs.get(token) ?? [];
  }

  /** The work of a step begins here. */
  begin(token: string, key: StepKey): Run {
    const runs = this.#runs.get(token) ?? [];
    this.#runs.set(token, runs);
    const run: Run = {
      ...{ token, node: this.nodeId, key, number: runs.length, begunAt: this.world.time.now },
      ...{ hadEffect: false, wasSignalled: false, end: undefined, isEndLost: false },
    };
    this.world.note(this.name, `begins ${token} (attempt ${key.attempt})`);
    this.world.observer.runBegins(this, run, runs);
    runs.push(run);
    return run;
  }

  takeEffect(run: Run): void {
    run.hadEffect = true;
  }

  processes(life: Life): ProcessPort {
    return {
      prepare: (key, command) =>
        life.call(
          'process.prepare',
          () => {
            const process = new SimulatedProcess(this, key, command, this.#processes.length + 1);
            this.#processes.push(process);
            return process.heldBy(life, true);
          },
          // The file for its end is written before it may begin.
          { refuse: () => (this.isFull ? new Problem('PROCESS_FAILED', 'no space left on device') : undefined) },
        ),
      find: (_key, { pid, bootId }) =>
        life.call('process.find', () => {
          const process = this.#processes[pid - 1];
          if (process?.identity.bootId !== bootId) throw new Error(`no process ${pid} of ${bootId} was ever made`);
          return process.find(life);
        }),
    };
  }

  runProbe(life: Life, probe: Probe, signal: AbortSignal): Promise<ProbeAnswer> {
    const runs = this.runsOf(probe.argv[1] ?? '');
    const answer = life.call('probe', (): ProbeAnswer => {
      if (this.world.faults.happens('probe-silent')) return 'cannot-tell';
      return runs.some(({ hadEffect }) => hadEffect) ? 'there' : 'not-there';
    });
    return new Promise((resolve, reject) => {
      if (signal.aborted) reject(signal.reason);
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      answer.then(resolve, reject);
    });
  }

  /** The host loses its power and boots again: processes are gone, what was not synced may be. */
  losePower(): void {
    this.world.note(this.name, 'loses its power');
    for (const process of this.#processes) process.loseUnsynced();
    this.journal.loseUnsynced();
    this.spool.loseUnsynced();
    // Without its start in the journal an agent does not know which process to look for.
    for (const run of [...this.#runs.values()].flat())
      if (!this.journal.state.get(run.key.step, run.key.attempt)?.started) run.isEndLost = true;
    this.#boots += 1;
  }
}
