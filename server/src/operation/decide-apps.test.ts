import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Cluster, parseClusterfile } from '@seal/clusterfile';
import type { ImageFacts } from '@seal/runtime';
import { sampleCluster, sampleImage, sampleMaterial, sampleNodes } from '@seal/runtime/testing';
import { openDatabase, SqliteStore } from '../store/sqlite.ts';
import type { ChangeRequest } from './change-request.ts';
import { ClusterRecords } from './cluster-records.ts';
import { decideChange } from './decide-change.ts';
import type { FactSources } from './gather-facts.ts';
import type { OperationLog } from './operation-log.ts';

const imageOf = (name: string, letter: string, change: Partial<ImageFacts>): ImageFacts => ({
  ...sampleImage,
  ...{ reference: `localhost/${name}:1`, digest: `sha256:${letter.repeat(64)}`, kind: 'app-installer', labels: {}, paths: [] },
  layers: [{ digest: `sha256:${letter.repeat(64)}`, mediaType: 'tar', sizeBytes: 1 }],
  ...change,
});
const kube: ImageFacts = { ...sampleImage, kind: 'kube-installer' };
const shop = imageOf('shop', 'a', { apps: [{ name: 'web', type: 'kube', files: ['web.yaml'], env: {}, cmds: [] }] });
const fix = imageOf('fix', 'b', { kind: 'patch', files: { Metadata: '{"kubeVersion":"v1.20.2"}' }, env: { Shared: 'patch' } });
const images: Record<string, ImageFacts> = { kube, shop, fix };

/** A server's memory with images; nothing runs. Steps succeed when a test says so. */
class Memory {
  readonly nodes = sampleNodes(1, 1);
  readonly records = new ClusterRecords(new SqliteStore(openDatabase(':memory:')));
  readonly kept = new Map<string, string>();
  texts: Record<string, string> = {};
  now = 1000;

  readonly sources: FactSources = {
    nodes: () => this.nodes.map((node) => ({ ...node, enrolledAt: 0, certificateExpiresAt: 0 })),
    sessions: {
      isConnected: () => true,
      factsOf: (id) => ({ facts: this.nodes.find((node) => node.id === id)!.facts, seenAt: 0 }),
      refreshFacts: async () => undefined,
    },
    records: this.records,
    log: { allActive: () => [] } as unknown as OperationLog,
    image: async (name) => images[name] ?? Object.values(images).find((image) => image.digest === name) ?? assert.fail(name),
    imageTexts: async (_digest, paths) =>
      Object.fromEntries(paths.flatMap((path) => (this.texts[path] ? [[path, this.texts[path]]] : []))),
    material: async () => sampleMaterial('demo'),
    textRefs: async (cluster, texts, { keep }) =>
      texts.map((text) => {
        const ref = `cluster/${cluster}/text/${text.length}`;
        if (keep) this.kept.set(ref, text);
        return ref;
      }),
    text: async (ref) => this.kept.get(ref) ?? assert.fail(ref),
    installHint: () => '',
    now: () => this.now,
  };

  /** Decides, records, and lets every step succeed. */
  async done(request: ChangeRequest) {
    const { plan, writes } = await this.decide(request);
    writes?.();
    const recorded = this.records.get('demo');
    const changes = plan.phases.flatMap((phase) => phase.steps.flatMap((step) => step.records ?? []));
    this.records.change('demo', changes, (id) => id.replace('node-', ''));
    return { plan, begun: recorded?.apps?.map((app) => `${app.name} ${app.state}`) };
  }

  decide(request: ChangeRequest) {
    return decideChange(this.sources, request, { planId: 'plan-1', keepMaterial: true });
  }

  apps() {
    return this.records.get('demo')?.apps?.map((app) => `${app.name} ${app.kind} ${app.state}`);
  }
}

const run = (memory: Memory, change: Partial<Cluster>): ChangeRequest => {
  return { verb: 'run', desired: sampleCluster(memory.nodes, change) };
};
const install = (...names: string[]): ChangeRequest => ({
  ...{ verb: 'install-apps', cluster: '', images: names, wanted: {}, cmds: [], env: {}, force: false },
});

describe('a cluster of several images', () => {
  it('is recorded with the image that makes it first, whatever the order said, and its apps before they are there', async () => {
    const memory = new Memory();
    const { begun } = await memory.done(run(memory, { image: 'shop', images: ['fix', 'kube'] }));
    assert.deepEqual(begun, ['fix installing', 'web installing']);
    assert.deepEqual(memory.apps(), ['fix patch installed', 'web app installed']);
    const record = memory.records.get('demo');
    assert.deepEqual([record?.spec.image, record?.spec.images, record?.imageDigest], ['kube', ['fix', 'shop'], kube.digest]);
    assert.equal(record?.state, 'ready');
  });

  it('is refused where none of them makes a cluster', async () => {
    const memory = new Memory();
    await assert.rejects(memory.decide(run(memory, { image: 'shop' })), {
      code: 'IMAGES_CONTRADICTORY',
      message: /none of shop makes a cluster \(app-installer\)/,
    });
  });

  it('keeps what Config documents hold out of plan and record, and lays it over nodes that join later', async () => {
    const memory = new Memory();
    memory.texts = { 'etc/kubeadm.yml': 'kind: ClusterConfiguration\napiVersion: v1\nclusterName: old\n' };
    const file = `apiVersion: sealer.io/v1\nkind: Config\nspec:\n  path: etc/kubeadm.yml\n  strategy: merge\n  data: |\n    networking: {dnsDomain: geheim.local}\n`;
    const { configs = [] } = parseClusterfile(file, 'f').cluster;
    const { plan } = await memory.done(run(memory, { image: 'kube', configs }));
    assert.equal(JSON.stringify(memory.records.get('demo')).includes('geheim'), false);
    const written = plan.phases.flatMap((phase) =>
      phase.steps.filter((step) => step.kind === 'write-files' && step.title.includes('etc/kubeadm.yml')),
    );
    assert.equal(written.length, 2);
    assert.equal(JSON.stringify(written).includes('geheim'), false);
    // kubeadm on the first master is told what the file says now.
    const init = plan.phases.find((phase) => phase.name === 'init-master');
    assert.match(JSON.stringify(init), /dnsDomain: geheim\.local/);
    memory.nodes.push(...sampleNodes(1, 2).slice(2));
    const { plan: grown } = await memory.decide({ verb: 'scale-up', cluster: 'demo', masters: [], workers: ['10.0.0.102'] });
    assert.match(JSON.stringify(grown.phases.find((phase) => phase.name === 'distribute-image')), /files of the Clusterfile/);
  });
});

describe('a cluster that exists', () => {
  const made = async () => {
    const memory = new Memory();
    await memory.done(run(memory, { image: 'kube' }));
    return memory;
  };

  it('takes apps and patches, remembers since when, and gives them back', async () => {
    const memory = await made();
    memory.now = 5000;
    const { begun } = await memory.done(install('shop', 'fix'));
    assert.deepEqual(begun, ['fix installing', 'web installing']);
    assert.deepEqual(memory.apps(), ['fix patch installed', 'web app installed']);
    const { plan } = await memory.done({ verb: 'uninstall-app', cluster: 'demo', name: 'web', force: false });
    assert.equal(plan.kind, 'uninstall-app');
    await memory.done({ verb: 'uninstall-app', cluster: 'demo', name: 'fix', force: false });
    assert.deepEqual(memory.apps(), []);
  });

  it('has the patch in everything that is planned from then on', async () => {
    const memory = await made();
    await memory.done(install('fix'));
    memory.nodes.push(...sampleNodes(1, 2).slice(2));
    const { plan } = await memory.decide({ verb: 'scale-up', cluster: 'demo', masters: [], workers: ['10.0.0.102'] });
    const script = plan.phases.flatMap((phase) => phase.steps).find((step) => step.kind === 'run-script');
    assert.equal(script?.kind === 'run-script' && script.args.env.Shared, 'patch');
    const lay = plan.phases.flatMap((phase) => phase.steps).find((step) => step.kind === 'lay-over');
    assert.deepEqual(lay?.kind === 'lay-over' && lay.args.over, fix.layers);
  });

  it('drops no file that has no place', async () => {
    const memory = await made();
    const configs = [{ path: 'etc/x', data: 'y', strategy: 'overwrite' as const }];
    await assert.rejects(memory.decide({ ...install('fix'), wanted: { configs } } as ChangeRequest), {
      code: 'CLUSTERFILE_INVALID',
      message: /files etc\/x could be laid/,
    });
  });

  it('refuses an image that makes a cluster, and says what is missing', async () => {
    const memory = await made();
    await assert.rejects(memory.decide(install('kube')), {
      code: 'NO_MASTER',
      message: /kubernetes:1\.20\.2 makes a cluster, and no master/,
    });
    await assert.rejects(new Memory().decide(install('shop')), { code: 'CLUSTER_NOT_FOUND' });
  });
});
