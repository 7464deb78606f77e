import { Problem } from '@seal/foundation';
import { SqliteStore } from '../../server/src/store/sqlite.ts';
import type { Store } from '../../server/src/store/store.ts';
import type { Life } from './life.ts';
import type { World } from './world.ts';

/** The server's real store on a database in memory, each call of it a port call that takes its time, may be refused, or is where the server dies. */
export function simulatedStore(world: World, life: Life): Store {
  const store = new SqliteStore(world.database);
  /** SQLite does its work before it answers. */
  const now = <T>(work: () => Promise<T>): Promise<T> => life.call('store', work);
  return {
    commit(batch) {
      const perform = () => {
        const done = store.commit(batch);
        return done.then(
          // A refused batch left nothing; one that was taken is there now.
          () => world.observer.committed(life.name, batch),
          (error: unknown) => {
            // A server that was replaced has nothing left to do.
            if (Problem.from(error).code === 'SERVER_EPOCH_STALE') life.end('ends: it was replaced');
            throw error;
          },
        );
      };
      const refuse = () => (world.faults.happens('store-failure') ? new Problem('STORE_FAILED', 'simulated') : undefined);
      return life.call('store.commit', perform, { refuse });
    },
    nextEpoch: () => now(() => store.nextEpoch()),
    operation: (id) => now(() => store.operation(id)),
    operations: (filter) => now(() => store.operations(filter)),
    unfinishedOperations: () => now(() => store.unfinishedOperations()),
    events: (operation, afterSeq) => now(() => store.events(operation, afterSeq)),
    outputs: (operation, afterRow, limit) => now(() => store.outputs(operation, afterRow, limit)),
    outputEnd: (step, attempt, stream) => now(() => store.outputEnd(step, attempt, stream)),
    cluster: (name) => now(() => store.cluster(name)),
    clusters: () => now(() => store.clusters()),
    secret: (ref) => now(() => store.secret(ref)),
    facts: () => now(() => store.facts()),
    close: async () => undefined,
  };
}
