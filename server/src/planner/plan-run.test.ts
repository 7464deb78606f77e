import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Plan, Step } from '@seal/plan';
import type { ClusterFacts, SeenNode } from '@seal/runtime';
import { installed, sampleCluster, sampleFacts, sampleImage, sampleNode, sampleNodes } from '@seal/runtime/testing';
import fc from 'fast-check';
import { planRun } from './plan-run.ts';

const planId = 'plan-1';

function run(nodes: readonly SeenNode[], change: Partial<ClusterFacts> = {}): Plan {
  return planRun({ planId, desired: sampleCluster(nodes), facts: sampleFacts(nodes, change) });
}

function shape(plan: Plan): string[] {
  const names = new Map(plan.nodes.map((node) => [node.id, node.name]));
  return plan.phases.map((phase) => `${phase.name}: ${[...new Set(phase.steps.map((step) => names.get(step.node)))].join(' ')}`);
}

function steps(plan: Plan): Step[] {
  return plan.phases.flatMap((phase) => phase.steps);
}

test('installs in order: names, image, container runtime, hosts, first master, masters one by one, workers, verification', () => {
  const plan = run(sampleNodes(3, 2));
  assert.equal(plan.summary, 'install cluster demo: 3 masters, 2 workers, kubernetes v1.20.2, image kubernetes:1.20.2');
  assert.deepEqual(shape(plan), [
    'host-aliases: m1 m2 m3 n1 n2',
    'distribute-image: m1 m2 m3 n1 n2',
    'container-runtime: m1 m2 m3 n1 n2',
    'prepare-hosts: m1 m2 m3 n1 n2',
    'init-master: m1',
    'gate-m2: m1',
    'join-master-m2: m2',
    'gate-m3: m1 m2',
    'join-master-m3: m3',
    'join-workers: n1 n2',
    'close-joining: m1',
    'label-nodes: m1',
    'verify: m1 m2 m3',
  ]);
});

test('a master joins only while every API before it answers and etcd has its quorum', () => {
  const plan = run(sampleNodes(3, 0));
  const gate = plan.phases.find((phase) => phase.name === 'gate-m3')!;
  assert.deepEqual(
    gate.steps.map((step) => [step.title, step.node, step.gate, step.about]),
    [
      ['wait: API of m1 healthy', 'node-m1', true, 'node-m3'],
      ['wait: API of m2 healthy', 'node-m2', true, 'node-m3'],
      ['wait: etcd healthy on 2 of m1, m2', 'node-m1', true, 'node-m3'],
    ],
  );
  const [, , quorum] = gate.steps;
  assert.partialDeepStrictEqual(quorum?.kind === 'wait-for' && quorum.args.env, {
    ENDPOINTS: 'https://10.0.0.11:2379 https://10.0.0.12:2379',
    NEEDED: '2',
  });
});

test("what is done on a master for another node is that node's: if it fails, so has that node", () => {
  const plan = run(sampleNodes(1, 2));
  const verify = plan.phases.find((phase) => phase.name === 'verify')!.steps;
  assert.deepEqual(
    verify.map((step) => [step.title, step.about]),
    [
      ['wait: API of m1 healthy', undefined],
      ['wait: node m1 Ready', undefined],
      ['wait: DaemonSets of kube-system ready on m1', undefined],
      ['wait: node n1 Ready', 'node-n1'],
      ['wait: DaemonSets of kube-system ready on n1', 'node-n1'],
      ['wait: node n2 Ready', 'node-n2'],
      ['wait: DaemonSets of kube-system ready on n2', 'node-n2'],
    ],
  );
});

test('a single master without workers is a whole cluster', () => {
  const plan = run(sampleNodes(1, 0));
  assert.deepEqual(
    plan.phases.map((phase) => phase.name),
    ['host-aliases', 'distribute-image', 'container-runtime', 'prepare-hosts', 'init-master', 'close-joining', 'verify'],
  );
});

test('a registry is started only where the image brings one, before the first master', () => {
  const image = { ...sampleImage, paths: [...sampleImage.paths, 'scripts/init-registry.sh'].sort() };
  const plan = run(sampleNodes(1, 1), { image });
  const names = plan.phases.map((phase) => phase.name);
  assert.equal(names.indexOf('registry') + 1, names.indexOf('init-master'));
  const [script] = plan.phases.find((phase) => phase.name === 'registry')!.steps;
  assert.deepEqual(script?.kind === 'run-script' && script.args.args, [
    '5000',
    '/var/lib/seal/data/demo/rootfs/registry',
    'sea.hub',
  ]);
  const [alias] = plan.phases[0]!.steps;
  assert.deepEqual(alias?.kind === 'host-aliases' && alias.args.entries.at(-1), { ip: '10.0.0.11', names: ['sea.hub'] });
});

test('a master reaches the API first at itself, workers each first at another master', () => {
  const plan = run(sampleNodes(2, 3));
  const aliases = plan.phases[0]!.steps.map(
    (step) => step.kind === 'host-aliases' && step.args.entries.map((entry) => entry.ip).join(' '),
  );
  assert.deepEqual(aliases, [
    '10.0.0.11 10.0.0.12',
    '10.0.0.12 10.0.0.11',
    '10.0.0.11 10.0.0.12',
    '10.0.0.12 10.0.0.11',
    '10.0.0.11 10.0.0.12',
  ]);
});

test('scripts get image env under cluster env under host env under what Seal computes', () => {
  const nodes = sampleNodes(1, 1);
  const desired = sampleCluster(nodes, { env: { Shared: 'cluster', FromCluster: 'cluster', HostIP: 'nonsense' } });
  const hosts = desired.hosts.map((host) => ({ ...host, env: { FromCluster: `host ${host.ip}` } }));
  const plan = planRun({ planId, desired: { ...desired, hosts }, facts: sampleFacts(nodes) });
  const script = plan.phases.find((phase) => phase.name === 'prepare-hosts')!.steps[1];
  assert.deepEqual(script?.kind === 'run-script' && script.args.env, {
    FromImage: 'image',
    Shared: 'cluster',
    FromCluster: 'host 10.0.0.101',
    PATH: '/var/lib/seal/data/demo/rootfs/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/root',
    LANG: 'C.UTF-8',
    ClusterName: 'demo',
    ContainerRuntime: 'containerd',
    DNSSvcIP: '10.96.0.10',
    HostIP: '10.0.0.101',
    HostIPFamily: '4',
    KubeSvcIP: '10.96.0.1',
    M0IP: '10.0.0.11',
    NodeName: 'n1',
    NodeRole: 'worker',
    RegistryDomain: 'sea.hub',
    RegistryPort: '5000',
    RegistryURL: 'sea.hub:5000',
  });
});

test('masters get the CAs as references, workers get none, and neither keeps what kubeadm no longer needs', () => {
  const plan = run(sampleNodes(1, 1));
  const [master, worker] = steps(plan).filter((step) => step.kind === 'write-files');
  assert.deepEqual(
    master!.args.files
      .slice(1)
      .map((file) => [
        file.path.replace('/var/lib/seal/data/demo/kubeadm/pki/', ''),
        file.mode,
        'secret' in file.content && file.content.secret,
      ]),
    [
      ['ca.crt', '0644', 'cluster/demo/ca.crt'],
      ['ca.key', '0600', 'cluster/demo/ca.key'],
      ['etcd/ca.crt', '0644', 'cluster/demo/etcd-ca.crt'],
      ['etcd/ca.key', '0600', 'cluster/demo/etcd-ca.key'],
      ['front-proxy-ca.crt', '0644', 'cluster/demo/front-proxy-ca.crt'],
      ['front-proxy-ca.key', '0600', 'cluster/demo/front-proxy-ca.key'],
      ['sa.pub', '0644', 'cluster/demo/sa.pub'],
      ['sa.key', '0600', 'cluster/demo/sa.key'],
    ],
  );
  assert.deepEqual(
    worker!.args.files.map((file) => file.path),
    ['/var/lib/seal/data/demo/kubeadm/kubeadm.yaml'],
  );
  const removed = steps(plan).filter((step) => step.kind === 'remove-paths');
  assert.deepEqual(
    removed.map((step) => [step.node, ...step.args.paths]),
    [
      ['node-m1', '/var/lib/seal/data/demo/kubeadm'],
      ['node-n1', '/var/lib/seal/data/demo/kubeadm'],
    ],
  );
});

test('kubeadm is guarded by a probe, so that a lost end is found out and not repeated', () => {
  const guarded = steps(run(sampleNodes(2, 1))).filter((step) => step.effect === 'guarded');
  assert.deepEqual(
    guarded.map((step) => [step.title, step.probe?.argv]),
    ['kubeadm init', 'kubeadm join --control-plane', 'kubeadm join'].map((title) => [
      title,
      ['test', '-e', '/var/lib/seal/data/demo/joined-abababababababab'],
    ]),
  );
});

test('the record follows: joining with the first step on a node, ready when verified, the cluster ready at the very end', () => {
  const plan = run(sampleNodes(1, 1));
  const records = steps(plan).flatMap((step) =>
    (step.records ?? []).map((record) => [step.kind, record.kind, 'nodeId' in record ? record.nodeId : '']),
  );
  assert.deepEqual(records, [
    ['host-aliases', 'member-joining', 'node-m1'],
    ['host-aliases', 'member-joining', 'node-n1'],
    ['wait-for', 'member-ready', 'node-m1'],
    ['wait-for', 'member-ready', 'node-n1'],
    ['wait-for', 'cluster-ready', ''],
  ]);
});

test('commands of the Clusterfile replace those of the image, and run on the first master once all is verified', () => {
  const nodes = sampleNodes(1, 0);
  const facts = sampleFacts(nodes, { image: { ...sampleImage, cmds: ['from image'] } });
  const lines = (cmds: string[]) => {
    const phase = planRun({ planId, desired: sampleCluster(nodes, { cmds }), facts }).phases.at(-1)!;
    assert.equal(phase.name, 'commands');
    return phase.steps.map((step) => [step.kind === 'run-command' && step.args.argv.at(-1), step.effect]);
  };
  assert.deepEqual(lines([]), [['from image', 'irreversible']]);
  assert.deepEqual(lines(['mine', 'too']), [
    ['mine', 'irreversible'],
    ['too', 'irreversible'],
  ]);
});

test('labels and taints are set as asked, the role of all workers at once', () => {
  const nodes = sampleNodes(1, 2);
  const desired = sampleCluster(nodes);
  const hosts = desired.hosts.map((host, index) =>
    index === 2 ? { ...host, labels: { zone: 'b' }, taints: ['gpu=1:NoSchedule'] } : host,
  );
  const plan = planRun({ planId, desired: { ...desired, hosts }, facts: sampleFacts(nodes) });
  const commands = plan.phases.find((phase) => phase.name === 'label-nodes')!.steps;
  assert.deepEqual(
    commands.map((step) => step.kind === 'run-command' && (step.args.env.NODE_NAMES ?? step.args.argv.slice(3).join(' '))),
    ['n1 n2', 'label --overwrite node n2 zone=b', 'taint --overwrite node n2 gpu=1:NoSchedule'],
  );
});

test('an installation that did not end may be asked for again; joining is opened anew', () => {
  const nodes = sampleNodes(1, 2);
  const { record } = installed(nodes.slice(0, 2), { state: 'installing' });
  const plan = run(nodes, { record });
  assert.match(plan.summary, /^finish installing cluster demo/);
  assert.equal(plan.baseRevision, 7);
  const names = plan.phases.map((phase) => phase.name);
  assert.equal(names.indexOf('open-joining'), names.indexOf('init-master') + 1);
});

const exists: readonly (readonly [title: string, change: Parameters<typeof installed>[1], message: RegExp])[] = [
  ['a cluster that is ready', {}, /cluster demo exists already, with 1 master, 1 worker/],
  [
    'an installation that had begun with another image',
    { state: 'installing', imageDigest: 'sha256:9' },
    /has begun with another image/,
  ],
  [
    'an installation that had begun on a host not named any more',
    { state: 'installing', members: [{ nodeId: 'node-x', name: 'x', ip: '10.9.9.9', role: 'worker', state: 'joining' }] },
    /has begun on x \(10\.9\.9\.9, worker\)/,
  ],
  [
    'an installation that had begun with another first master',
    { state: 'installing', members: [{ nodeId: 'node-n1', name: 'n1', ip: '10.0.0.101', role: 'master', state: 'joining' }] },
    /which this command does not ask for in that role/,
  ],
];
for (const [title, change, message] of exists)
  test(`refuses to install over ${title}`, () => {
    const nodes = sampleNodes(1, 1);
    assert.throws(() => run(nodes, { record: installed(nodes, change).record }), { code: 'CLUSTER_EXISTS', message });
  });

test('the same input gives the same plan, id for id', () => {
  assert.deepEqual(run(sampleNodes(2, 2)), run(sampleNodes(2, 2)));
});

test('for clusters of any size: only their own nodes, masters one at a time and before every worker, nothing after an unready verification', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 0, max: 30 }), (masters, workers) => {
      const nodes = sampleNodes(masters, workers);
      const plan = run(nodes);
      const asked = new Set(nodes.map((node) => node.id));
      assert.ok(steps(plan).every((step) => asked.has(step.node)));
      const joins = plan.phases.filter((phase) => /^(init|join)-/.test(phase.name));
      assert.equal(joins.length, masters + (workers > 0 ? 1 : 0));
      for (const phase of joins.slice(0, masters)) assert.equal(new Set(phase.steps.map((step) => step.node)).size, 1);
      const last = joins.at(-1)!;
      if (workers > 0) assert.ok(last.name === 'join-workers' && last.parallelism <= 10);
      assert.equal(plan.phases.at(-1)!.name, 'verify');
    }),
    { numRuns: 40 },
  );
});

test('a node found by any of its addresses is the node', () => {
  const node = sampleNode('m1', '10.0.0.11', { host: { addresses: ['192.168.1.1', '10.0.0.11'] } });
  const plan = planRun({ planId, desired: sampleCluster([sampleNode('m1', '10.0.0.11')]), facts: sampleFacts([node]) });
  assert.deepEqual(plan.nodes, [{ id: 'node-m1', name: 'm1', ip: '10.0.0.11', role: 'master' }]);
});
