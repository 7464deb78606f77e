import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AppsWanted } from '@seal/clusterfile';
import type { ClusterContext } from '../cluster-context.ts';
import type { ImageFacts, LaidFile } from '../cluster-facts.ts';
import { sampleCluster, sampleImage, sampleNodes } from '../testing/sample-facts.ts';
import { appUnits } from './app-units.ts';
import { appsPhases } from './apps-phases.ts';

const apps: NonNullable<ImageFacts['apps']> = [
  { name: 'chart', type: 'helm', files: [], env: {}, cmds: [] },
  { name: 'web', type: 'kube', files: ['a.yaml', 'sub/b.yaml'], env: { Replicas: '2', Shared: 'app' }, cmds: [] },
  { name: 'tool', type: 'shell', files: ['-x.sh', 'uninstall.sh'], env: {}, cmds: [] },
  { name: 'own', files: [], env: {}, cmds: ['kubectl apply', '-f x'] },
  { name: 'mute', files: [], env: {}, cmds: [] },
];
const appImage: ImageFacts = {
  ...sampleImage,
  reference: 'docker.io/labring/shop:v1',
  digest: `sha256:${'a'.repeat(64)}`,
  kind: 'app-installer',
  env: { OfShop: 'yes' },
  paths: ['application/apps/web/a.yaml'],
};

function contextOf(cmds: readonly string[] = [], env: Record<string, string> = {}): ClusterContext {
  const seen = sampleNodes(1, 0);
  const cluster = sampleCluster(seen, { cmds, env });
  const [spec] = cluster.hosts;
  assert.ok(seen[0] && spec);
  const node = { id: seen[0].id, name: seen[0].name, ip: spec.ip, role: 'master' as const, connected: true, spec };
  return { cluster, image: sampleImage, material: {}, nodes: [node], apiNode: node };
}

interface Asked {
  readonly own?: Partial<ImageFacts>;
  readonly images?: readonly ImageFacts[];
  readonly wanted?: AppsWanted;
  readonly cmds?: readonly string[];
  readonly env?: Record<string, string>;
  readonly files?: Record<string, readonly LaidFile[]>;
}

function phasesOf({ own, images = [], wanted = {}, cmds = [], env = {}, files = {} }: Asked) {
  const image = own && { ...sampleImage, ...own };
  const units = appUnits(image, images, wanted, cmds);
  return appsPhases(contextOf(cmds, env), { units, files, cmds }, image).filter((phase) => phase.steps.length > 0);
}

/** The programs of a run, with the last part of the directory in which they run. */
function programs(asked: Asked): string[] {
  return phasesOf(asked).flatMap((phase) =>
    phase.steps.flatMap((step) =>
      step.kind === 'run-command' ? [`${step.args.cwd?.split('/').at(-1)}: ${step.args.argv.join(' ')}`] : [],
    ),
  );
}

function envs(asked: Asked): Record<string, string>[] {
  return phasesOf(asked).flatMap((phase) => phase.steps.flatMap((step) => (step.kind === 'run-command' ? [step.args.env] : [])));
}

test('launches the apps that LAUNCH names, in its order, each as its files or APPCMDS say; uninstall.sh is not launched', () => {
  const own = { apps, launch: ['web', 'chart', 'tool', 'own'], cmds: ['not this'] };
  assert.deepEqual(programs({ own }), [
    'web: kubectl apply -f ./a.yaml',
    'web: kubectl apply -f ./sub/b.yaml',
    'chart: helm upgrade --install chart .',
    'tool: /bin/bash ./-x.sh',
    'own: /bin/bash -c kubectl apply -f x',
  ]);
});

test('an app image lies in a place of its own, and launches all its apps where it says nothing else', () => {
  const image = { ...appImage, apps: apps.slice(0, 2) };
  const [place, launch] = phasesOf({ images: [image] });
  assert.deepEqual(
    place?.steps.map((step) => `${step.kind}: ${step.title}`),
    [
      'fetch-layers: fetch 1 layers of docker.io/labring/shop:v1',
      'mount-rootfs: docker.io/labring/shop:v1 at /var/lib/seal/data/demo/applications/shop-aaaaaaaaaaaa',
    ],
  );
  assert.equal(launch?.name, 'launch-shop');
  assert.deepEqual(programs({ images: [image] }), [
    'chart: helm upgrade --install chart .',
    'web: kubectl apply -f ./a.yaml',
    'web: kubectl apply -f ./sub/b.yaml',
  ]);
  assert.deepEqual(
    launch?.steps.flatMap((step) => step.records ?? []),
    [
      { kind: 'app-installed', name: 'chart' },
      { kind: 'app-installed', name: 'web' },
    ],
  );
});

test('CMD of an app image runs where the image lies, after everything of the images before it', () => {
  const helm = { ...appImage, reference: 'labring/helm:v3', cmds: ['cp opt/helm /usr/bin/'] };
  const calico = { ...appImage, reference: 'labring/calico:v3', digest: `sha256:${'b'.repeat(64)}`, cmds: ['one', 'two'] };
  assert.deepEqual(programs({ own: { cmds: ['own'] }, images: [helm, calico] }), [
    'rootfs: /bin/bash -c own',
    'helm-aaaaaaaaaaaa: /bin/bash -c cp opt/helm /usr/bin/',
    'calico-bbbbbbbbbbbb: /bin/bash -c one',
    'calico-bbbbbbbbbbbb: /bin/bash -c two',
  ]);
});

test('commands of the user stand for what every image would launch: in the rootfs, or where the first app image lies', () => {
  const image = { ...appImage, apps, launch: ['web'] };
  assert.deepEqual(programs({ own: { apps, launch: ['web'] }, images: [image], cmds: ['mine'] }), ['rootfs: /bin/bash -c mine']);
  assert.deepEqual(programs({ images: [image], cmds: ['mine'] }), ['shop-aaaaaaaaaaaa: /bin/bash -c mine']);
});

test("an app's env stands over that of its image, the cluster's over both, and what the user says of the app over all", () => {
  const own = { apps, launch: ['web', 'chart'] };
  const [web, , chart] = envs({ own });
  assert.deepEqual([web?.Replicas, web?.Shared, chart?.Shared], ['2', 'app', 'image']);
  assert.equal(envs({ own, env: { Shared: 'cluster' } })[0]?.Shared, 'cluster');
  const wanted = { apps: [{ name: 'web', env: { Shared: 'user' }, launch: [], uninstall: [] }] };
  assert.equal(envs({ own, wanted, env: { Shared: 'cluster' } })[0]?.Shared, 'user');
});

test('an app image has its own ENV and its own programs first in PATH, and not the ENV of the rootfs', () => {
  const [env] = envs({ images: [{ ...appImage, cmds: ['x'] }] });
  assert.deepEqual([env?.OfShop, env?.FromImage, env?.ClusterName], ['yes', undefined, 'demo']);
  assert.match(
    env?.PATH ?? '',
    /^\/var\/lib\/seal\/data\/demo\/applications\/shop-a{12}\/bin:\/var\/lib\/seal\/data\/demo\/rootfs\/bin:/,
  );
});

test('launchApps chooses apps and their order; launch of a config replaces what the image says', () => {
  const image = { ...appImage, apps, launch: ['web'] };
  const wanted = {
    launchApps: ['tool', 'web'],
    apps: [{ name: 'web', env: {}, launch: ['kubectl apply -k .'], uninstall: [] }],
  };
  assert.deepEqual(programs({ images: [image], wanted }), ['tool: /bin/bash ./-x.sh', 'web: /bin/bash -c kubectl apply -k .']);
});

test('files of the user are laid over the image, and templates of an app rendered with its environment', () => {
  const image = { ...appImage, apps: apps.slice(1, 2) };
  const files = { [image.reference]: [{ path: 'application/apps/web/values.yaml.tmpl', content: { secret: 'x' } }] };
  const steps = phasesOf({ images: [image], files })[0]?.steps ?? [];
  assert.deepEqual(
    steps.slice(2).map((step) => step.kind),
    ['write-files', 'render-templates', 'render-templates'],
  );
  const last = steps.at(-1);
  assert.ok(last?.kind === 'render-templates');
  assert.deepEqual([last.args.directories, last.args.env.Replicas], [['application/apps/web'], '2']);
});

const refused: readonly (readonly [title: string, asked: Asked, code: string, message: RegExp])[] = [
  ['an app that LAUNCH names and is not there', { own: { apps, launch: ['gone'] } }, 'IMAGE_INCOMPLETE', /launches "gone"/],
  ['an app that does not say how it is launched', { own: { apps, launch: ['mute'] } }, 'IMAGE_INCOMPLETE', /app mute of image/],
  [
    'a wanted app that no image has',
    { own: { apps }, wanted: { launchApps: ['db'] } },
    'APP_NOT_FOUND',
    /"db" \(there are chart, web/,
  ],
  [
    'a config for an app that no image has',
    { images: [appImage], wanted: { configs: [{ path: 'x', data: '', strategy: 'overwrite', app: 'db' }] } },
    'APP_NOT_FOUND',
    /"db" \(they have none\)/,
  ],
  [
    'one app in two images',
    { own: { apps, launch: ['web'] }, images: [{ ...appImage, apps, launch: ['web'] }] },
    'IMAGES_CONTRADICTORY',
    /kubernetes:1\.20\.2 and docker\.io\/labring\/shop:v1 both launch an app "web"/,
  ],
];
for (const [title, asked, code, message] of refused)
  test(`refuses ${title}`, () => assert.throws(() => phasesOf(asked), { code, message }));
