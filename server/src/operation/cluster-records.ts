import { type Clock, systemClock } from '@seal/foundation';
import type { RecordChange } from '@seal/plan';
import type { AppRecord, ClusterRecord, MemberRecord } from '@seal/runtime';
import type { Store, Write } from '../store/store.ts';

/** What record changes need to know of the plan's nodes. */
export type NodeName = (nodeId: string) => string;

/**
 * The recorded clusters, in memory beside the store.
 *
 * INVARIANTS: this server is the only writer; `change` and `put` alter memory at once and return the write that makes it durable, so that writes
 * queued in that order carry consecutive revisions. After a failed write `reload` takes the store's word.
 */
export class ClusterRecords {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #records = new Map<string, ClusterRecord>();

  constructor(store: Store, clock: Clock = systemClock) {
    this.#store = store;
    this.#clock = clock;
  }

  async reload(): Promise<void> {
    const records = await this.#store.clusters();
    this.#records.clear();
    for (const record of records) this.#records.set(record.name, record);
  }

  get(name: string): ClusterRecord | undefined {
    return this.#records.get(name);
  }

  list(): ClusterRecord[] {
    return [...this.#records.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** The cluster that holds a node, if any. */
  clusterOf(nodeId: string): ClusterRecord | undefined {
    return this.list().find((record) => record.members.some((member) => member.nodeId === nodeId));
  }

  /** Replaces or makes a record (its revision is set here). */
  put(record: Omit<ClusterRecord, 'revision'>): Write {
    const expectRevision = this.#records.get(record.name)?.revision ?? 0;
    const next = { ...record, revision: expectRevision + 1 };
    this.#records.set(record.name, next);
    return { kind: 'cluster', record: next, expectRevision };
  }

  /** The writes that follow from the success of a step. */
  change(name: string, changes: readonly RecordChange[], nodeName: NodeName): Write[] {
    const record = this.#records.get(name);
    if (!record) return [];
    if (changes.some((change) => change.kind === 'cluster-removed')) {
      this.#records.delete(name);
      return [
        { kind: 'cluster-removed', name },
        { kind: 'secrets-removed', refPrefix: `cluster/${name}/` },
      ];
    }
    let { members, state, apps = [] } = record;
    for (const change of changes) {
      if (change.kind === 'cluster-ready') state = 'ready';
      else if ('name' in change) apps = changedApps(apps, change, this.#clock.now());
      else if (change.kind !== 'cluster-removed') members = inAskedOrder(record, changedMembers(members, change, nodeName));
    }
    return [this.put({ ...record, members, state, ...(record.apps || apps.length > 0 ? { apps } : {}) })];
  }
}

/** First those of the original request, as it named them (the first master stays the first, whoever was quicker), then those that came later. */
function inAskedOrder(record: ClusterRecord, members: readonly MemberRecord[]): readonly MemberRecord[] {
  const asked = record.spec.hosts.map((host) => host.ip);
  const place = (member: MemberRecord) => (asked.includes(member.ip) ? asked.indexOf(member.ip) : asked.length);
  return [...members].sort((a, b) => place(a) - place(b));
}

type AppChange = Extract<RecordChange, { name: string }>;

function changedApps(apps: readonly AppRecord[], { kind, name }: AppChange, sinceMs: number): readonly AppRecord[] {
  if (kind === 'app-removed') return apps.filter((app) => app.name !== name);
  return apps.map((app) => (app.name === name ? { ...app, state: 'installed', sinceMs } : app));
}

type MemberChange = Extract<RecordChange, { nodeId: string }>;

function changedMembers(members: readonly MemberRecord[], change: MemberChange, nodeName: NodeName): readonly MemberRecord[] {
  switch (change.kind) {
    case 'member-joining': {
      const { nodeId, ip, role } = change;
      const member: MemberRecord = { nodeId, name: nodeName(nodeId), ip, role, state: 'joining' };
      return members.some((found) => found.nodeId === nodeId)
        ? members.map((found) => (found.nodeId === nodeId ? member : found))
        : [...members, member];
    }
    case 'member-ready':
      return members.map((found) => (found.nodeId === change.nodeId ? { ...found, state: 'ready' } : found));
    case 'member-removed':
      return members.filter((found) => found.nodeId !== change.nodeId);
  }
}
