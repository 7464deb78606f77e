import type { DatabaseSync } from 'node:sqlite';
import { Problem } from '@seal/foundation';
import { SqliteStore } from '../../server/src/store/sqlite.ts';
import type { Store } from '../../server/src/store/store.ts';
import type { Life } from './life.ts';
import type { World } from './world.ts';

/** The disk of a server: the one that all servers have, until it is copied together with its machine. */
export interface Disk {
  copied: DatabaseSync | undefined;
}

/** The server's real store on a database in memory, each call of it a port call that takes its time, may be refused, or is where the server dies. */
export function simulatedStore(world: World, life: Life, disk: Disk): Store {
  const first = new SqliteStore(world.database);
  let copy: SqliteStore | undefined;
  const current = () => {
    if (disk.copied) copy ??= new SqliteStore(disk.copied);
    return copy ?? first;
  };
  /** SQLite does its work before it answers. */
  const now = <T>(work: () => Promise<T>): Promise<T> => life.call('store', work);
  return {
    commit(batch) {
      const perform = () => {
        const done = current().commit(batch);
        // What a copy of the server writes down is nothing but its own dream.
        if (disk.copied) return done;
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
      const refuse = () =>
        world.isStoreFull || world.faults.happens('store-failure') ? new Problem('STORE_FAILED', 'simulated') : undefined;
      return life.call('store.commit', perform, { refuse });
    },
    nextEpoch: (atLeast) => now(() => current().nextEpoch(atLeast)),
    operation: (id) => now(() => current().operation(id)),
    operations: (filter) => now(() => current().operations(filter)),
    unfinishedOperations: () => now(() => current().unfinishedOperations()),
    events: (operation, afterSeq) => now(() => current().events(operation, afterSeq)),
    outputs: (operation, afterRow, limit) => now(() => current().outputs(operation, afterRow, limit)),
    outputEnd: (step, attempt, stream) => now(() => current().outputEnd(step, attempt, stream)),
    cluster: (name) => now(() => current().cluster(name)),
    clusters: () => now(() => current().clusters()),
    secret: (ref) => now(() => current().secret(ref)),
    facts: () => now(() => current().facts()),
    close: async () => undefined,
  };
}
