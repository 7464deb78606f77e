import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock, systemRandom } from '@seal/foundation';
import type { OperationEvent, OperationPolicy } from '@seal/plan';
import type { ImageFacts } from '@seal/runtime';
import { sampleCluster, sampleImage, sampleMaterial, sampleNodes } from '@seal/runtime/testing';
import { Executor } from '../scheduler/executor.ts';
import { sqliteSavedPlans } from '../store/saved-plans-sqlite.ts';
import { openDatabase, SqliteStore } from '../store/sqlite.ts';
import { type Asker, ClusterChanges } from './change-cluster.ts';
import { ClusterRecords } from './cluster-records.ts';
import type { FactSources } from './gather-facts.ts';
import { OperationLog } from './operation-log.ts';
import { SavedPlans } from './saved-plans.ts';
import { OperationStarter } from './start-operation.ts';
import { watchOperation } from './watch-operation.ts';

const hour = 3_600_000;

/** A server's verbs over a store in memory; agents are connected and never answer, so that a test says itself what happened. */
class Verbs {
  readonly nodes = sampleNodes(1, 3);
  readonly store = new SqliteStore(openDatabase(':memory:'));
  readonly records = new ClusterRecords(this.store);
  readonly log: OperationLog;
  readonly changes: ClusterChanges;
  readonly starter: OperationStarter;
  readonly executor: Executor;
  readonly disconnected = new Set<string>();
  ahead = 0;
  image = sampleImage;
  /** By name, beside `image`. */
  readonly images: Record<string, ImageFacts> = {};

  constructor() {
    const clock = { ...systemClock, now: () => systemClock.now() + this.ahead };
    this.log = new OperationLog({ store: this.store, clock });
    const sender = {
      awaySince: () => undefined,
      run: () => undefined,
      cancel: () => undefined,
      subscribe: () => () => undefined,
    };
    const onProblem = (_operation: string, error: unknown) => assert.fail(String(error));
    this.executor = new Executor({ log: this.log, sender, clock, graceSeconds: 60, epoch: 1, onProblem });
    const ports = { log: this.log, records: this.records, executor: this.executor, clock, random: systemRandom };
    this.starter = new OperationStarter(ports);
    const database = openDatabase(':memory:');
    const plans = new SavedPlans(sqliteSavedPlans(database), clock);
    this.changes = new ClusterChanges({ sources: this.#sources(), starter: this.starter, plans });
  }

  /** What an operation would tell whoever watches it now. */
  async eventsOf(id: string): Promise<OperationEvent[]> {
    const options = { fromSeq: 1, outputs: false, follow: false, gone: new AbortController().signal };
    const events: OperationEvent[] = [];
    for await (const item of watchOperation(this.log, this.store, id, options)) if ('event' in item) events.push(item.event);
    return events;
  }

  /** Waits until the first step was sent, then ends the operation as failed. */
  async fail(id: string): Promise<void> {
    while (![...(await this.log.read(id)).view.steps.values()].some((step) => step.attempt > 0))
      await new Promise((resolve) => setImmediate(resolve));
    await this.log.append(id, [{ type: 'operation-finished', status: 'FAILED' }]);
    while (this.log.active(id)) await new Promise((resolve) => setImmediate(resolve));
  }

  /** As if the cluster had been installed, on the first `count` nodes. */
  async installed(count: number): Promise<void> {
    const nodes = this.nodes.slice(0, count);
    const members = nodes.map(({ id, name, facts: { addresses } }) => {
      const role = name.startsWith('m') ? ('master' as const) : ('worker' as const);
      return { id, nodeId: id, name, ip: addresses[0]!, role, state: 'ready' as const };
    });
    const write = this.records.put({
      ...{ name: 'demo', state: 'ready', spec: sampleCluster(nodes), imageDigest: this.image.digest },
      ...{ runtime: 'kubernetes', runtimeVersion: 'v1.20.2', members },
    });
    await this.store.commit([write]);
  }

  #sources(): FactSources {
    const seen = (id: string) => this.nodes.find((node) => node.id === id);
    const enrolled = (node: (typeof this.nodes)[number]) => ({ ...node, enrolledAt: 0, certificateExpiresAt: 0 });
    return {
      nodes: () => this.nodes.map(enrolled),
      sessions: {
        isConnected: (id) => !this.disconnected.has(id),
        factsOf: (id) => ({ facts: seen(id)!.facts, seenAt: 0 }),
        refreshFacts: async () => undefined,
      },
      ...{ records: this.records, log: this.log, installHint: () => 'curl' },
      image: async (name) => this.images[name] ?? this.image,
      imageTexts: async () => ({}),
      textRefs: async (_cluster, texts) => texts.map((_text, index) => `text/${index}`),
      text: async () => '',
      now: () => systemClock.now(),
      material: async () => sampleMaterial('demo'),
    };
  }
}

const ada: Asker = { name: 'ada', dryRun: false };
const saving: Asker = { ...ada, dryRun: true, save: true };
const nodesOf = (plan: { nodes: readonly { name: string }[] }) => plan.nodes.map((node) => node.name);

async function withVerbs(work: (verbs: Verbs) => Promise<void>): Promise<void> {
  const verbs = new Verbs();
  try {
    await work(verbs);
  } finally {
    await verbs.executor.stop();
  }
}

describe('a changing verb', () => {
  it('records its policy and the nodes left out, with who asked', () =>
    withVerbs(async (verbs) => {
      const policy: OperationPolicy = { onFailure: 'continue', maxUnavailable: '10%', stallAction: 'report' };
      const request = { verb: 'run', desired: sampleCluster(verbs.nodes) } as const;
      const { operation = '' } = await verbs.changes.change(request, { ...ada, policy, skipNodes: ['n2', '10.0.0.103'] });
      const events = await verbs.eventsOf(operation);
      assert.partialDeepStrictEqual(events.slice(0, 3), [
        { type: 'operation-created', requestedBy: 'ada', policy },
        { type: 'node-skipped', node: 'node-n2', requestedBy: 'ada' },
        { type: 'node-skipped', node: 'node-n3', requestedBy: 'ada' },
      ]);
    }));

  it('refuses to leave out a node that the others need, or that the plan does not hold', () =>
    withVerbs(async (verbs) => {
      const request = { verb: 'run', desired: sampleCluster(verbs.nodes) } as const;
      await assert.rejects(verbs.changes.change(request, { ...ada, skipNodes: ['m1'] }), { code: 'NODE_NOT_SKIPPABLE' });
      await assert.rejects(verbs.changes.change(request, { ...ada, skipNodes: ['n9'] }), { code: 'NODE_NOT_FOUND' });
      assert.deepEqual(await verbs.store.operations({ limit: 9 }), []);
    }));

  it('is refused for the operation that is under way, not for what that one does to its nodes', () =>
    withVerbs(async (verbs) => {
      await verbs.installed(2);
      const grow = (ip: string) => ({ verb: 'scale-up', cluster: 'demo', masters: [], workers: [ip] }) as const;
      await verbs.changes.change(grow('10.0.0.103'), ada);
      verbs.disconnected.add('node-n3');
      for (const cluster of ['demo', ''])
        await assert.rejects(verbs.changes.change({ ...grow('10.0.0.103'), cluster }, ada), { code: 'OPERATION_IN_PROGRESS' });
    }));

  it('on all nodes says so when none is connected', () =>
    withVerbs(async (verbs) => {
      for (const node of verbs.nodes) verbs.disconnected.add(node.id);
      await assert.rejects(verbs.changes.exec({ nodes: ['all'], argv: ['true'], timeoutSeconds: 1 }, ada), {
        code: 'NODE_NOT_FOUND',
        message: 'no node is connected to the server (4 are enrolled)',
        remedy: /sealctl nodes/,
      });
    }));
});

describe('a saved plan', () => {
  const run = (verbs: Verbs) => ({ verb: 'run', desired: sampleCluster(verbs.nodes) }) as const;

  it('is run exactly as it was saved, once', () =>
    withVerbs(async (verbs) => {
      const { plan, operation, savedUntil } = await verbs.changes.change(run(verbs), saving);
      assert.equal(operation, undefined);
      assert.ok((savedUntil ?? 0) > systemClock.now() + hour - 60_000);
      const applied = await verbs.changes.applyPlan(plan.id, ada);
      assert.deepEqual((await verbs.log.read(applied.operation ?? '')).plan, JSON.parse(JSON.stringify(plan)));
      await assert.rejects(verbs.changes.applyPlan(plan.id, ada), { code: 'PLAN_NOT_FOUND' });
    }));

  it('is not there when it was not saved, and expires after an hour', () =>
    withVerbs(async (verbs) => {
      const unsaved = await verbs.changes.change(run(verbs), { ...saving, save: false });
      await assert.rejects(verbs.changes.applyPlan(unsaved.plan.id, ada), { code: 'PLAN_NOT_FOUND' });
      const { plan } = await verbs.changes.change(run(verbs), saving);
      verbs.ahead = hour;
      await assert.rejects(verbs.changes.applyPlan(plan.id, ada), { code: 'PLAN_NOT_FOUND', message: /has expired/ });
    }));

  it('is refused when the cluster has moved, naming both revisions', () =>
    withVerbs(async (verbs) => {
      await verbs.installed(2);
      const grow = { verb: 'scale-up', cluster: 'demo', masters: [], workers: ['10.0.0.103'] } as const;
      const { plan } = await verbs.changes.change(grow, saving);
      await verbs.installed(3);
      await assert.rejects(verbs.changes.applyPlan(plan.id, ada), {
        code: 'PLAN_STALE',
        message: /made for revision 1 of cluster demo, which is at 2 now/,
      });
    }));

  it('is refused when the image has moved, and by the preflight when a node is away', () =>
    withVerbs(async (verbs) => {
      const { plan } = await verbs.changes.change(run(verbs), saving);
      verbs.image = { ...sampleImage, layers: [{ ...sampleImage.layers[0]!, digest: `sha256:${'3'.repeat(64)}` }] };
      await assert.rejects(verbs.changes.applyPlan(plan.id, ada), {
        code: 'PLAN_STALE',
        message: /phases differ: distribute-image/,
      });
      verbs.image = sampleImage;
      verbs.disconnected.add('node-n1');
      await assert.rejects(verbs.changes.applyPlan(plan.id, ada), { code: 'NODE_NOT_CONNECTED' });
      verbs.disconnected.clear();
      assert.ok((await verbs.changes.applyPlan(plan.id, ada)).operation);
    }));
});

describe('apply', () => {
  it('makes, extends and shrinks a cluster until nothing differs', () =>
    withVerbs(async (verbs) => {
      const dry = { ...ada, dryRun: true };
      const [all, three] = [sampleCluster(verbs.nodes), sampleCluster(verbs.nodes.slice(0, 3))];
      assert.equal((await verbs.changes.apply(all, false, dry)).changed?.plan.kind, 'install');
      await verbs.installed(3);
      const grown = await verbs.changes.apply(all, false, dry);
      assert.equal(grown.changed?.plan.summary, 'add 1 worker to cluster demo');
      assert.deepEqual(grown.differences, ['+ worker 10.0.0.103']);
      assert.deepEqual(await verbs.changes.apply(three, false, dry), { differences: [] });
      const two = sampleCluster(verbs.nodes.slice(0, 2));
      assert.equal((await verbs.changes.apply(two, false, dry)).changed?.plan.summary, 'remove 1 worker from cluster demo: n2');
    }));

  it('installs images that the Clusterfile names and the cluster lacks, and records them', () =>
    withVerbs(async (verbs) => {
      await verbs.installed(3);
      verbs.images.shop = { ...sampleImage, reference: 'shop:1', digest: 'sha256:shop', kind: 'app-installer', cmds: ['x'] };
      const asked = { ...sampleCluster(verbs.nodes.slice(0, 3)), images: ['shop'] };
      const { changed, differences } = await verbs.changes.apply(asked, false, ada);
      assert.deepEqual([changed?.plan.kind, differences], ['install-apps', ['+ image shop']]);
      assert.deepEqual(verbs.records.get('demo')?.spec.images, ['shop']);
      assert.equal(verbs.records.get('demo')?.apps?.[0]?.state, 'installing');
    }));

  it('remembers what the Clusterfile says of a host that it adds', () =>
    withVerbs(async (verbs) => {
      await verbs.installed(3);
      const asked = sampleCluster(verbs.nodes);
      const hosts = asked.hosts.map((host) => (host.ip === '10.0.0.103' ? { ...host, labels: { zone: 'b' } } : host));
      await verbs.changes.apply({ ...asked, hosts }, false, ada);
      assert.deepEqual(verbs.records.get('demo')?.spec.hosts.at(-1)?.labels, { zone: 'b' });
    }));
});

describe('rollback', () => {
  it('is a new operation, linked with the old one in both logs', () =>
    withVerbs(async (verbs) => {
      const { operation = '' } = await verbs.changes.change({ verb: 'run', desired: sampleCluster(verbs.nodes) }, ada);
      await assert.rejects(verbs.changes.rollback(operation, false, ada), { code: 'OPERATION_STATE', message: /is RUNNING/ });
      await verbs.fail(operation);
      const rolled = await verbs.changes.rollback(operation, false, { ...ada, name: 'eve' });
      assert.match(rolled.plan.summary, new RegExp(`^roll back ${operation}: delete cluster demo`));
      const events = await verbs.eventsOf(operation);
      assert.partialDeepStrictEqual(events.slice(-2), [
        { type: 'operation-finished' },
        { type: 'operation-rolled-back', by: rolled.operation, requestedBy: 'eve' },
      ]);
      assert.equal((await verbs.eventsOf(rolled.operation ?? ''))[0]?.type, 'operation-created');
      assert.equal((await verbs.log.read(rolled.operation ?? '')).view.rollbackOf, operation);
      assert.equal((await verbs.log.read(operation)).view.status, 'FAILED');
      assert.deepEqual(
        (await verbs.store.unfinishedOperations()).map((unfinished) => unfinished.id),
        [rolled.operation],
      );
      assert.equal(verbs.records.get('demo')?.state, 'deleting');
    }));

  it('is refused for what was rolled back already, and nothing else can be resumed over it', () =>
    withVerbs(async (verbs) => {
      const { operation = '' } = await verbs.changes.change({ verb: 'run', desired: sampleCluster(verbs.nodes) }, ada);
      await verbs.fail(operation);
      const rolled = await verbs.changes.rollback(operation, false, ada);
      await assert.rejects(verbs.changes.rollback(operation, false, ada), { code: 'OPERATION_IN_PROGRESS' });
      await verbs.fail(rolled.operation ?? '');
      await assert.rejects(verbs.changes.rollback(operation, false, ada), {
        code: 'OPERATION_STATE',
        message: new RegExp(`${rolled.operation} has changed cluster demo since`),
      });
      await assert.rejects(verbs.starter.resume(operation, 'ada'), { code: 'OPERATION_STATE' });
      await assert.rejects(verbs.changes.rollback(rolled.operation ?? '', false, ada), { code: 'ROLLBACK_IMPOSSIBLE' });
    }));

  it('of a scale-up touches the nodes that it began to add', () =>
    withVerbs(async (verbs) => {
      await verbs.installed(3);
      const grow = { verb: 'scale-up', cluster: 'demo', masters: [], workers: ['10.0.0.103'] } as const;
      const { operation = '' } = await verbs.changes.change(grow, ada);
      await verbs.fail(operation);
      const { plan } = await verbs.changes.rollback(operation, false, { ...ada, dryRun: true });
      assert.deepEqual(nodesOf(plan), ['m1', 'n3']);
      assert.equal((await verbs.log.read(operation)).view.rolledBackBy, undefined);
    }));
});
