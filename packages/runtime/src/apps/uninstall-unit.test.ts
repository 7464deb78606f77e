import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AppRecord, ImageFacts } from '../cluster-facts.ts';
import { sampleImage } from '../testing/sample-facts.ts';
import { recordedUnit } from './app-records.ts';
import { undoing } from './uninstall-unit.ts';

const record: AppRecord = {
  name: 'web',
  kind: 'app',
  image: 'shop',
  imageDigest: '',
  state: 'installed',
  sinceMs: 0,
  place: 'shop',
};
const app = { name: 'web', files: ['a.yaml', 'b.yaml'], env: {}, cmds: [] };
const noCmds: ImageFacts = { ...sampleImage, reference: 'shop', kind: 'app-installer', paths: [] };
const undo = (image: Partial<ImageFacts>, change: Partial<AppRecord> = {}) => {
  const recorded = { ...record, ...change };
  return undoing(recordedUnit(recorded, { ...noCmds, ...image }), recorded);
};

test('manifests are deleted in the reverse of their order, a release of a chart is uninstalled', () => {
  assert.deepEqual(undo({ apps: [{ ...app, type: 'kube' }] }), {
    commands: ['b.yaml', 'a.yaml'].map((file) => ['kubectl', 'delete', '--ignore-not-found', '-f', `./${file}`]),
  });
  const helm = undo({ apps: [{ ...app, type: 'helm', files: [] }] });
  assert.ok('commands' in helm);
  assert.match(helm.commands[0]?.[2] ?? '', /helm uninstall "\$1"/);
  assert.equal(helm.commands[0]?.[4], 'web');
});

test('what the user said takes it back goes before uninstall.sh, and that before everything that Seal knows', () => {
  const apps = [{ ...app, type: 'kube' as const }];
  const paths = ['application/apps/web/uninstall.sh'];
  assert.deepEqual(undo({ apps, paths }), { commands: [['/bin/bash', './uninstall.sh']] });
  assert.deepEqual(undo({ apps, paths }, { uninstall: ['mine'] }), { commands: [['/bin/bash', '-c', 'mine']] });
});

test('an image that names no app is taken back by its uninstall.sh or the label clean', () => {
  assert.deepEqual(undo({ cmds: ['x'], paths: ['uninstall.sh'] }), { commands: [['/bin/bash', './uninstall.sh']] });
  const labels = { clean: 'clean.sh $Data' };
  assert.deepEqual(undo({ cmds: ['x'], labels }), { commands: [['/bin/bash', '-c', 'bash clean.sh $Data']] });
  assert.deepEqual(undo({ cmds: ['x'], labels, paths: ['scripts/clean.sh'] }), {
    commands: [['/bin/bash', '-c', 'cd scripts && bash clean.sh $Data']],
  });
  assert.deepEqual(undo({}), { commands: [] });
});

const impossible: readonly (readonly [title: string, image: Partial<ImageFacts>, change: Partial<AppRecord>, why: RegExp])[] = [
  ['CMD', { cmds: ['cp opt/helm /usr/bin'] }, {}, /by CMD, and its image has no uninstall\.sh/],
  ['APPCMDS', { apps: [{ ...app, cmds: ['x'] }] }, {}, /by APPCMDS/],
  ['scripts', { apps: [{ ...app, type: 'shell', files: ['x.sh'] }] }, {}, /by its scripts/],
  ['commands of the user', { apps: [{ ...app, type: 'kube' }] }, { launch: ['x'] }, /by commands of its user/],
];
for (const [title, image, change, why] of impossible)
  test(`what ${title} made cannot be taken back by Seal, and it says why`, () => {
    const result = undo(image, change);
    assert.ok('impossible' in result);
    assert.match(result.impossible, why);
  });
