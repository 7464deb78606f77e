import type { FaultKind } from './faults.ts';
import { type MakeMutant, noMutant } from './mutants.ts';
import { sendOperators } from './operators.ts';
import { makeWeather } from './weather.ts';
import { type Violation, World } from './world.ts';

export interface SimulateOptions {
  readonly seed: number;
  /** Faults that are left out; default none. */
  readonly without?: ReadonlySet<FaultKind>;
  readonly mutant?: MakeMutant;
  /** Keeps the lines of the trace; its hash is always there. */
  readonly keepTrace?: boolean;
}

export interface Simulated {
  readonly seed: number;
  readonly violation: Violation | undefined;
  readonly traceHash: string;
  readonly trace: readonly string[];
  readonly events: number;
  /** Simulated time, ms. */
  readonly lasted: number;
  readonly faults: readonly FaultKind[];
  /** How often each kind of fault has happened. */
  readonly injected: ReadonlyMap<FaultKind, number>;
  /** Ends of the operations. */
  readonly statuses: readonly string[];
}

/** After the last fault everything must have come to its end within this (simulated) time. */
const restMs = 40 * 60_000;
const mostEvents = 200_000;

/** Runs one world from its seed to its end, or to the first invariant that does not hold. The same options give the same trace. */
export async function simulate(options: SimulateOptions): Promise<Simulated> {
  const { seed, without = new Set<FaultKind>(), mutant = noMutant, keepTrace = false } = options;
  const world = new World({ seed, without, mutant, keepTrace });
  const onRejection = (error: unknown) =>
    world.violated('unheard', `nobody heard of: ${error instanceof Error ? error.stack : String(error)}`);
  process.on('unhandledRejection', onRejection);
  try {
    world.time.after(0, () => {
      world.startServer();
      for (const nodeId of world.hosts.keys()) world.startAgent(nodeId);
      makeWeather(world);
      sendOperators(world);
    });
    await world.time.run(() => goesOn(world));
    if (!world.violation) await world.observer.checkEnd();
  } catch (error) {
    world.violated('crash', error instanceof Error ? String(error.stack) : String(error));
  } finally {
    process.off('unhandledRejection', onRejection);
    world.close();
  }
  return {
    ...{ seed, violation: world.violation, traceHash: world.trace.hash, trace: world.trace.lines },
    ...{ events: world.time.events, lasted: world.time.now, faults: world.faults.kinds },
    injected: world.faults.injected,
    statuses: world.observer.log.operations.map(({ view }) => view.status),
  };
}

function goesOn(world: World): boolean {
  if (world.violation) return false;
  const { now, events } = world.time;
  if (events > mostEvents) world.violated('rest', `${events} events and no end`);
  world.reasons.look();
  if (!world.faults.quiet) return true;
  world.observer.checkIdle();
  if (events % 8 !== 0) return true;
  const left = world.observer.unfinished();
  if (left.length === 0) return false;
  if (now > world.scenario.quietAt + restMs) world.violated('ends', left.join('; '));
  return true;
}
