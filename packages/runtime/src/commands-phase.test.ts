import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClusterContext } from './cluster-context.ts';
import type { ImageFacts } from './cluster-facts.ts';
import { commandsPhase } from './commands-phase.ts';
import { sampleCluster, sampleImage, sampleNodes } from './testing/sample-facts.ts';

const apps: NonNullable<ImageFacts['apps']> = [
  { name: 'chart', type: 'helm', files: [], env: {}, cmds: [] },
  { name: 'web', type: 'kube', files: ['a.yaml', 'sub/b.yaml'], env: { Replicas: '2', Shared: 'app' }, cmds: [] },
  { name: 'tool', type: 'shell', files: ['-x.sh'], env: {}, cmds: [] },
  { name: 'own', files: [], env: {}, cmds: ['kubectl apply', '-f x'] },
  { name: 'mute', files: [], env: {}, cmds: [] },
];

function stepsOf(image: Partial<ImageFacts>, cmds: readonly string[] = [], env: Record<string, string> = {}) {
  const seen = sampleNodes(1, 0);
  const cluster = sampleCluster(seen, { cmds, env });
  const [spec] = cluster.hosts;
  assert.ok(seen[0] && spec);
  const node = { id: seen[0].id, name: seen[0].name, ip: spec.ip, role: 'master' as const, connected: true, spec };
  const context: ClusterContext = { cluster, image: { ...sampleImage, ...image }, material: {}, nodes: [node], apiNode: node };
  const [phase] = commandsPhase(context);
  return (phase?.steps ?? []).map(({ args }) => args as { argv: string[]; cwd: string; env: Record<string, string> });
}

test('launches the apps that LAUNCH names, in its order, each as its files or APPCMDS say', () => {
  const steps = stepsOf({ apps, launch: ['web', 'chart', 'tool', 'own'], cmds: ['not this'] });
  assert.deepEqual(
    steps.map(({ argv, cwd }) => `${cwd.split('/').at(-1)}: ${argv.join(' ')}`),
    [
      'web: kubectl apply -f ./a.yaml',
      'web: kubectl apply -f ./sub/b.yaml',
      'chart: helm install chart .',
      'tool: /bin/bash ./-x.sh',
      'own: /bin/bash -c kubectl apply -f x',
    ],
  );
});

test("lets an app's env win over that of the image, and that of the cluster over both", () => {
  const image = { apps, launch: ['web', 'chart'] };
  const [web, , chart] = stepsOf(image);
  assert.deepEqual([web?.env.Replicas, web?.env.Shared, chart?.env.Shared], ['2', 'app', 'image']);
  assert.equal(stepsOf(image, [], { Shared: 'cluster' })[0]?.env.Shared, 'cluster');
});

test('runs the commands of the Clusterfile instead, and CMD where nothing is launched', () => {
  assert.deepEqual(
    stepsOf({ apps, launch: ['web'] }, ['mine']).map(({ argv }) => argv[2]),
    ['mine'],
  );
  assert.deepEqual(
    stepsOf({ apps, cmds: ['its own'] }).map(({ argv }) => argv[2]),
    ['its own'],
  );
});

test('names an app that is not there or cannot be launched', () => {
  assert.throws(() => stepsOf({ apps, launch: ['gone'] }), { code: 'IMAGE_INCOMPLETE', message: /launches "gone"/ });
  assert.throws(() => stepsOf({ apps, launch: ['mute'] }), { code: 'IMAGE_INCOMPLETE', message: /app mute of image/ });
});
