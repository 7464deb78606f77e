import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Plan } from '@seal/plan';
import type { AppRecord, ClusterFacts, ClusterRecord, ImageFacts } from '@seal/runtime';
import { installed, sampleCluster, sampleFacts, sampleImage, sampleNodes } from '@seal/runtime/testing';
import { away, records, shape, withNew } from './change-samples.ts';
import { planDeleteCluster } from './plan-delete-cluster.ts';
import { type InstallAppsInput, planInstallApps } from './plan-install-apps.ts';
import { planRun } from './plan-run.ts';
import { planScaleUp } from './plan-scale-up.ts';
import { planUninstallApp } from './plan-uninstall-app.ts';

const imageOf = (name: string, letter: string, change: Partial<ImageFacts>): ImageFacts => ({
  ...sampleImage,
  ...{ reference: `${name}:1`, digest: `sha256:${letter.repeat(64)}`, kind: 'app-installer', labels: {}, paths: [] },
  layers: [{ digest: `sha256:${letter.repeat(64)}`, mediaType: 'tar', sizeBytes: 1 }],
  ...change,
});
const web = { name: 'web', type: 'kube' as const, files: ['web.yaml'], env: {}, cmds: [] };
const shop = imageOf('shop', 'a', { apps: [web] });
const helm = imageOf('helm', 'b', { cmds: ['cp opt/helm /usr/bin/'] });
const fix = imageOf('fix', 'c', { kind: 'patch', cmds: ['sysctl -w x=1'] });
const recordOf = (name: string, image: ImageFacts, change: Partial<AppRecord> = {}): AppRecord => ({
  ...{ name, kind: 'app', image: image.reference, imageDigest: image.digest, state: 'installed', sinceMs: 0 },
  ...change,
});
const withApps = (apps: readonly AppRecord[], more: Partial<ClusterRecord> = {}) =>
  installed(sampleNodes(1, 2), { apps, ...more });

function install(facts: ClusterFacts, change: Partial<InstallAppsInput> = {}): Plan {
  const base = { planId: 'plan-1', newPatches: [], oldPatches: [], wanted: {}, cmds: [], env: {}, force: false };
  return planInstallApps({ ...base, facts, ...change });
}
const uninstall = (facts: ClusterFacts, image: ImageFacts, name: string, force = false) =>
  planUninstallApp({ planId: 'plan-1', facts, image, name, force });
const commands = (plan: Plan) =>
  plan.phases.flatMap((phase) => phase.steps.flatMap((step) => (step.kind === 'run-command' ? [step.args.argv.join(' ')] : [])));

describe('apps on a cluster that exists', () => {
  test('are brought to one master and launched there, in their order; nobody else is touched', () => {
    const plan = install({ ...withApps([]), apps: [helm, shop] });
    assert.deepEqual(shape(plan), ['distribute-apps: m1', 'launch-helm: m1', 'launch-shop: m1']);
    assert.deepEqual(commands(plan), ['/bin/bash -c cp opt/helm /usr/bin/', 'kubectl apply -f ./web.yaml']);
    assert.deepEqual(records(plan), ['launch-helm: app-installed', 'launch-shop: app-installed']);
    assert.deepEqual([plan.kind, plan.baseRevision, plan.nodes.map((node) => node.name)], ['install-apps', 7, ['m1']]);
    assert.equal(plan.summary, 'install helm:1, shop:1 into cluster demo');
  });

  test('go through another master when the first is away', () => {
    const facts = { ...installed(sampleNodes(3, 1)), apps: [shop] };
    assert.deepEqual(shape(install(away(facts, 'm1', 'n1'))), ['distribute-apps: m2', 'launch-shop: m2']);
    assert.throws(() => install(away(facts, 'm1', 'm2', 'm3')), {
      code: 'NODE_NOT_CONNECTED',
      message: /no master of cluster demo/,
    });
  });

  test('get the environment of this run over that of the cluster', () => {
    const facts = withApps([], { spec: sampleCluster(sampleNodes(1, 2), { env: { Size: 'small', Keep: '1' } }) });
    const plan = install({ ...facts, apps: [shop] }, { env: { Size: 'big' } });
    const [step] = plan.phases.at(-1)?.steps ?? [];
    assert.ok(step?.kind === 'run-command');
    assert.deepEqual([step.args.env.Size, step.args.env.Keep], ['big', '1']);
  });

  test('of a name that is there are refused unless forced; one whose installation did not end is simply asked for again', () => {
    const there = { ...withApps([recordOf('web', shop)]), apps: [shop] };
    assert.throws(() => install(there), { code: 'APP_EXISTS', message: 'cluster demo has web (shop:1) already' });
    assert.equal(install(there, { force: true }).phases.length, 2);
    assert.equal(install({ ...withApps([recordOf('web', shop, { state: 'installing' })]), apps: [shop] }).phases.length, 2);
  });

  test('take the place of an older version, whose image goes in the end', () => {
    const old = recordOf('web', imageOf('shop', 'd', {}), { place: 'shop-dddddddddddd' });
    const plan = install({ ...withApps([old]), apps: [shop] }, { force: true });
    assert.deepEqual(
      plan.phases.at(-1)?.steps.map((step) => step.args),
      [{ mountPoint: '/var/lib/seal/data/demo/applications/shop-dddddddddddd' }],
    );
  });

  test('that are for another Kubernetes, or another architecture, are refused with both named', () => {
    const newer = { ...shop, labels: { 'app.alpha.sealer.io/supported-kube-version': '>=1.22, <1.25' } };
    assert.throws(() => install({ ...withApps([]), apps: [newer] }), {
      code: 'KUBE_VERSION_UNSUPPORTED',
      message: 'image shop:1 is for Kubernetes ">=1.22, <1.25", and cluster demo has v1.20.2',
    });
    const fits = { ...shop, labels: { 'app.alpha.sealer.io/supported-kube-version': '1.20.x || 1.22.x' } };
    assert.equal(install({ ...withApps([]), apps: [fits] }).kind, 'install-apps');
    assert.throws(() => install({ ...withApps([]), apps: [{ ...shop, arch: 'arm64' }] }), {
      code: 'IMAGE_ARCH_MISMATCH',
      message: 'image shop:1 is for arm64, m1 is amd64',
    });
  });

  test('wait for a cluster that is being made or removed', () => {
    assert.throws(() => install({ ...withApps([], { state: 'installing' }), apps: [shop] }), { code: 'OPERATION_STATE' });
  });

  test('without anything to launch are recorded by the last step that brings them', () => {
    const plan = install({ ...withApps([]), apps: [imageOf('files', 'e', {})] });
    assert.deepEqual(records(plan), ['distribute-apps: app-installed']);
  });
});

describe('a patch', () => {
  const patched = (facts: ClusterFacts) => ({ ...facts, patches: [fix], image: { ...facts.image, over: fix.layers } });

  test('goes over the rootfs of every node, its commands run there, and the plan says where it takes effect', () => {
    const plan = install(patched(withApps([])), { newPatches: [fix] });
    assert.deepEqual(shape(plan), ['patch-rootfs: m1 n1 n2', 'patch-commands: m1 n1 n2']);
    const [fetch, lay] = plan.phases[0]?.steps ?? [];
    assert.ok(fetch?.kind === 'fetch-layers' && lay?.kind === 'lay-over');
    assert.deepEqual([fetch.args.layers, lay.args.over, lay.args.removed], [fix.layers, fix.layers, []]);
    assert.match(plan.summary, /programs that run are not restarted$/);
    assert.deepEqual(records(plan), ['patch-commands: app-installed']);
  });

  test('waits for every node, since all shall have the same rootfs', () => {
    assert.throws(() => install(away(patched(withApps([])), 'n2'), { newPatches: [fix] }), {
      code: 'NODE_NOT_CONNECTED',
      message: /not connected to the server: n2/,
    });
  });

  test('comes to a node that joins later, with its commands', () => {
    const facts = withNew(patched(withApps([recordOf('fix', fix, { kind: 'patch' })])), 'n3');
    const plan = planScaleUp({ planId: 'plan-1', facts, masters: [], workers: ['10.0.1.1'] });
    const steps = plan.phases.find((phase) => phase.name === 'distribute-image')?.steps ?? [];
    assert.deepEqual(
      steps.map((step) => step.kind),
      ['fetch-layers', 'mount-rootfs', 'lay-over'],
    );
    assert.equal(shape(plan).at(-1), 'patch-commands: n3');
  });

  test('is taken off again: what lies below comes back, and what its commands did is said to stay', () => {
    const plan = uninstall(withApps([recordOf('fix', fix, { kind: 'patch' })]), fix, 'fix');
    assert.deepEqual(shape(plan), ['patch-rootfs: m1 n1 n2']);
    const [fetch, lay] = plan.phases[0]?.steps ?? [];
    assert.ok(fetch?.kind === 'fetch-layers' && lay?.kind === 'lay-over');
    assert.deepEqual([fetch.args.layers, lay.args.removed], [[...sampleImage.layers, ...fix.layers], fix.layers]);
    assert.match(
      plan.summary,
      /^take patch fix \(fix:1\) off the rootfs of cluster demo; what its commands did on the nodes stays$/,
    );
    assert.ok(plan.phases[0]?.destructive);
  });
});

describe('an app that is uninstalled', () => {
  const place = 'shop-aaaaaaaaaaaa';

  test('is taken back where its image is brought to, then its image goes from every master', () => {
    const facts = { ...installed(sampleNodes(2, 1), { apps: [recordOf('web', shop, { place })] }) };
    const plan = uninstall(away(facts, 'm1'), shop, 'web');
    assert.deepEqual(shape(plan), ['distribute-apps: m2', 'uninstall: m2', 'remove-image: m2']);
    assert.deepEqual(commands(plan), ['kubectl delete --ignore-not-found -f ./web.yaml']);
    assert.deepEqual(records(plan), ['remove-image: app-removed']);
  });

  test('leaves the image to another app of it', () => {
    const plan = uninstall(withApps([recordOf('web', shop, { place }), recordOf('db', shop, { place })]), shop, 'web');
    assert.deepEqual(shape(plan), ['distribute-apps: m1', 'uninstall: m1']);
  });

  test('is refused where nothing takes it back; forced it is forgotten, and the plan says what stays', () => {
    const facts = withApps([recordOf('helm', helm, { place: 'helm-bbbbbbbbbbbb' })]);
    assert.throws(() => uninstall(facts, helm, 'helm'), {
      code: 'APP_NOT_UNDOABLE',
      message: /^app helm of cluster demo .*by CMD/,
    });
    const plan = uninstall(facts, helm, 'helm', true);
    assert.deepEqual(shape(plan), ['remove-image: m1']);
    assert.match(plan.summary, /; what it made stays: it was launched by CMD/);
  });

  test('of the cluster itself that is forgotten needs no step at all', () => {
    const own = { ...sampleImage, apps: [{ ...web, type: 'shell' as const, files: ['x.sh'] }] };
    assert.deepEqual(uninstall(withApps([recordOf('web', own)]), own, 'web', true).phases, []);
  });

  test('must be there', () => {
    const facts = withApps([recordOf('web', shop)]);
    assert.throws(() => uninstall(facts, shop, 'wbe'), {
      code: 'APP_NOT_FOUND',
      message: 'cluster demo has no app or patch "wbe"; it has web',
    });
  });
});

describe('several images at once', () => {
  const nodes = sampleNodes(1, 1);
  const facts = { ...sampleFacts(nodes), apps: [helm, shop] };
  const run = (more: Partial<ClusterFacts> = {}, cmds: readonly string[] = []) =>
    planRun({ planId: 'plan-1', desired: sampleCluster(nodes, { cmds }), facts: { ...facts, ...more } });

  test('make the cluster, then launch what each brings, in their order', () => {
    const plan = run({ image: { ...sampleImage, cmds: ['own'] } });
    assert.deepEqual(shape(plan).slice(-5), [
      ...['verify: m1', 'commands: m1', 'distribute-apps: m1', 'launch-helm: m1', 'launch-shop: m1'],
    ]);
    assert.match(plan.summary, /, with helm:1, shop:1$/);
    assert.deepEqual(records(plan).slice(-3), [
      'launch-helm: app-installed',
      'launch-shop: app-installed',
      'launch-shop: cluster-ready',
    ]);
  });

  test('lay patches over the rootfs from the beginning, and run their commands once the cluster is up', () => {
    const plan = run({ patches: [fix], image: { ...sampleImage, over: fix.layers }, apps: [] });
    const lay = plan.phases.flatMap((phase) => phase.steps.filter((step) => step.kind === 'lay-over').map(() => phase.name));
    assert.deepEqual(lay, ['distribute-image', 'distribute-image']);
    assert.equal(shape(plan).at(-1), 'patch-commands: m1 n1');
    assert.deepEqual(records(plan).slice(-2), ['patch-commands: app-installed', 'patch-commands: cluster-ready']);
  });

  test('are all there, and launch nothing, where commands are given instead', () => {
    const plan = run({ patches: [fix] }, ['mine']);
    assert.deepEqual(shape(plan).slice(-3), ['verify: m1', 'distribute-apps: m1', 'commands: m1']);
    assert.equal(records(plan).filter((record) => record.endsWith('app-installed')).length, 3);
  });

  test('files of the user lie over the rootfs of every node, as references to secrets', () => {
    const plan = run({ apps: [], files: { '': [{ path: 'etc/x.conf', content: { secret: 'cluster/demo/text/1' } }] } });
    const files = plan.phases.flatMap((phase) =>
      phase.steps.flatMap((step) => (step.kind === 'write-files' && phase.name === 'distribute-image' ? step.args.files : [])),
    );
    const file = { path: '/var/lib/seal/data/demo/rootfs/etc/x.conf', mode: '0600', content: { secret: 'cluster/demo/text/1' } };
    assert.deepEqual(files, [file, file]);
  });

  test('leave nothing on the nodes when the cluster goes', () => {
    const plan = planDeleteCluster({
      planId: 'plan-1',
      facts: withApps([recordOf('web', shop, { place: 'shop-a' }), recordOf('db', shop, { place: 'shop-a' })]),
      force: false,
    });
    const unmounted = plan.phases.flatMap((phase) =>
      phase.steps.flatMap((step) =>
        step.kind === 'unmount-rootfs' ? [`${step.node} ${step.args.mountPoint.split('/').at(-1)}`] : [],
      ),
    );
    assert.deepEqual(
      unmounted,
      ['n2', 'n1', 'm1'].flatMap((name) => [`node-${name} applications`, `node-${name} rootfs`]),
    );
  });
});

describe('container images that an image of apps holds', () => {
  const holding = { ...shop, paths: ['registry/docker/registry/v2/blobs/x', 'registry/index.json'] };

  test('are imported on every node of a cluster without a registry, where the image lies only meanwhile', () => {
    const plan = install({ ...withApps([]), apps: [holding] });
    assert.deepEqual(shape(plan), ['import-images: m1 n1 n2', 'distribute-apps: m1', 'launch-shop: m1']);
    const kinds = (node: string) => plan.phases[0]?.steps.filter((step) => step.node === node).map((step) => step.kind);
    assert.deepEqual(kinds('node-m1'), ['fetch-layers', 'mount-rootfs', 'run-command']);
    assert.deepEqual(kinds('node-n1'), ['fetch-layers', 'mount-rootfs', 'run-command', 'unmount-rootfs']);
  });

  test('do not come to a node that is away, and the plan says so; a node that joins gets them', () => {
    assert.match(
      install(away({ ...withApps([]), apps: [holding] }, 'n2')).summary,
      /; without the container images of the apps, since away: n2$/,
    );
    const facts = { ...withNew(withApps([]), 'n3'), apps: [holding] };
    const plan = planScaleUp({ planId: 'plan-1', facts, masters: [], workers: ['10.0.1.1'] });
    const names = shape(plan);
    assert.ok(names.indexOf('import-images: n3') > names.indexOf('prepare-hosts: n3'));
    assert.ok(names.indexOf('import-images: n3') < names.findIndex((name) => name.startsWith('join-workers')));
  });

  test('go into the registry of a cluster that has one', () => {
    const image = { ...sampleImage, paths: [...sampleImage.paths, 'scripts/init-registry.sh'] };
    const plan = install({ ...withApps([]), image, apps: [holding] });
    assert.deepEqual(shape(plan), ['distribute-apps: m1', 'launch-shop: m1']);
    const copy = commands(plan)[0] ?? '';
    assert.match(copy, /^cp -a .*\/applications\/shop-a{12}\/registry\/docker \/var\/lib\/seal\/data\/demo\/rootfs\/registry\/$/);
  });
});
