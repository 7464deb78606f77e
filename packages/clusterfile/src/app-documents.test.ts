import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Problem } from '@seal/foundation';
import { parse } from 'yaml';
import { appsFromJson, clusterFromJson } from './cluster-from-json.ts';
import { parseClusterfile } from './parse-clusterfile.ts';
import { toYaml } from './to-yaml.ts';

const cluster = `apiVersion: sealer.io/v2
kind: Cluster
spec:
  image: kubernetes:1
  hosts: [{ips: [10.0.0.1], roles: [master]}]
`;
const application = `apiVersion: sealer.io/v2beta1
kind: Application
metadata: {name: shop}
spec:
  launchApps: [web, db]
  configs:
  - name: web
    env: [Replicas=3]
    files:
    - {path: values.yaml, strategy: merge, data: "size: big"}
    launch: {cmds: [helm install web .]}
    delete: {cmds: [helm uninstall web]}
`;
const config = (spec: string) =>
  `apiVersion: sealer.aliyun.com/v1alpha1\nkind: Config\nmetadata: {name: Some_Name}\nspec:\n${spec}`;
const both = (text: string) => parseClusterfile(`${cluster}---\n${text}`, 'Clusterfile').cluster;

function findings(text: string): string[] {
  try {
    both(text);
  } catch (error) {
    assert.ok(error instanceof Problem);
    return error.message.split('\n');
  }
  return [];
}

test('an Application says which apps are launched, and of each its env, files, launch and uninstall commands', () => {
  const { launchApps, apps, configs } = both(application);
  assert.deepEqual(launchApps, ['web', 'db']);
  assert.deepEqual(apps, [
    { name: 'web', env: { Replicas: '3' }, launch: ['helm install web .'], uninstall: ['helm uninstall web'] },
  ]);
  assert.deepEqual(configs, [{ path: 'values.yaml', data: 'size: big', strategy: 'merge', app: 'web' }]);
});

test('cmds and launchApps of an Application win over cmd and appNames of the Cluster', () => {
  const text = cluster.replace('spec:\n', 'spec:\n  appNames: [old]\n  cmd: [old]\n');
  assert.deepEqual(parseClusterfile(text, 'f').cluster.launchApps, ['old']);
  const asked = parseClusterfile(
    `${text}---\n${application.replace('  launchApps:', '  cmds: [mine]\n  launchApps:')}`,
    'f',
  ).cluster;
  assert.deepEqual([asked.launchApps, asked.cmds], [['web', 'db'], ['mine']]);
});

test('a file of Application and Config documents alone is for a cluster that exists', () => {
  const alone = parseClusterfile(application, 'f');
  assert.deepEqual([alone.hasCluster, alone.cluster.hosts, alone.cluster.launchApps], [false, [], ['web', 'db']]);
  assert.equal(parseClusterfile(cluster, 'f').hasCluster, true);
});

const processed: readonly (readonly [process: string, data: string])[] = [
  ['toJson', '{"user":"root","port":5}'],
  ['toBase64', 'dXNlcjogcm9vdApwb3J0OiA1Cg=='],
  ['toJson|toBase64', Buffer.from('{"user":"root","port":5}').toString('base64')],
];
for (const [process, data] of processed)
  test(`the data of a Config goes through ${process}`, () => {
    const asked = both(config(`  path: etc/a.yaml\n  process: ${process}\n  data: |\n    user: root\n    port: 5\n`));
    assert.deepEqual(asked.configs, [{ path: 'etc/a.yaml', data, strategy: 'overwrite' }]);
  });

test('behind "value" a process works on each value of the mapping', () => {
  const data = '  data: |\n    db: {user: root}\n    name: x\n';
  const [read] = both(config(`  path: a\n  process: value|toJson|toBase64\n${data}`)).configs ?? [];
  const encode = (text: string) => Buffer.from(text).toString('base64');
  assert.deepEqual(parse(read?.data ?? ''), { db: encode('{"user":"root"}'), name: encode('"x"') });
});

test('a Config can be of an app, and be laid into a Secret', () => {
  const [read] = both(config('  path: ./secret.yaml\n  appName: db\n  process: toSecret\n  data: "password: x"\n')).configs ?? [];
  assert.deepEqual(read, { path: 'secret.yaml', data: 'password: x', strategy: 'secret', app: 'db' });
});

const refused: readonly (readonly [title: string, text: string, finding: RegExp])[] = [
  [
    'a Config that leaves the rootfs',
    config('  path: ../../etc/shadow\n  data: x\n'),
    /:11:9: "\.\.\/\.\.\/etc\/shadow" is no path/,
  ],
  ['a Config without data', config('  path: a\n'), /:11:3: spec of a Config without "data"/],
  ['a Config without spec', 'apiVersion: sealer.io/v1\nkind: Config\n', /:7:1: a Config document without "spec"/],
  ['an unknown strategy', config('  path: a\n  data: x\n  strategy: replace\n'), /:13:13: strategy "replace" is unknown/],
  [
    'an unknown process',
    config('  path: a\n  data: x\n  process: toXml\n'),
    /process "toXml" is unknown; expected value, toJson/,
  ],
  [
    'a merge of something that is no mapping',
    config('  path: a\n  data: "- x"\n  strategy: merge\n'),
    /:12:9: .*strategy merge needs one/,
  ],
  ['toJson of broken YAML', config('  path: a\n  data: "[x"\n  process: toJson\n'), /:12:9: toJson cannot be done: .*no YAML/],
  [
    'an alias in data that is processed',
    config('  path: a\n  data: "a: &x 1\\nb: *x"\n  process: toJson\n'),
    /uses the alias \*x/,
  ],
  [
    'a misspelt field of an Application',
    application.replace('launchApps', 'launchApp'),
    /:11:3: unknown field "launchApp".*"launchApps"/,
  ],
  [
    'an app without name',
    application.replace('- name: web', '- env: []').replace('    env: [Replicas=3]\n', ''),
    /configs\[0\] names no app/,
  ],
  ['one app twice', `${application}  - {name: web}\n`, /app "web" has a second entry/],
  ['two Applications', `${application}---\n${application}`, /a second Application document/],
  [
    'a Config of another group',
    'apiVersion: v1\nkind: Config\nspec: {path: a, data: b}\n',
    /apiVersion "v1" of kind Config is unknown/,
  ],
  ['the strategy render', application.replace('merge', 'render'), /strategy "render" is unknown; expected overwrite or merge/],
];
for (const [title, text, finding] of refused)
  test(`refuses ${title}, with file, line and column`, () => {
    const found = findings(text);
    assert.ok(
      found.some((line) => line.startsWith('Clusterfile:') && finding.test(line)),
      found.join('\n'),
    );
  });

test('a list of images keeps its order; one that is named again counts once', () => {
  const text = cluster.replace('kubernetes:1', '[kubernetes:1, helm:3, calico:3, helm:3]');
  const { image, images } = parseClusterfile(text, 'f').cluster;
  assert.deepEqual([image, images], ['kubernetes:1', ['helm:3', 'calico:3']]);
});

test('what is asked of apps survives being written as YAML and being sent as JSON', () => {
  const asked = { ...both(`${application}---\n${config('  path: s\n  process: toSecret\n  data: "a: b"\n')}`), images: ['x:1'] };
  assert.deepEqual(parseClusterfile(toYaml(asked), 'f').cluster, asked);
  assert.deepEqual(clusterFromJson(JSON.parse(JSON.stringify(asked))), asked);
  const { launchApps, apps, configs } = asked;
  assert.deepEqual(appsFromJson({ launchApps, apps, configs }), { launchApps, apps, configs });
});

test('a path that would leave the rootfs is refused by the server too', () => {
  for (const path of ['../x', '/etc/x', 'a/../b', 'a//b', ''])
    assert.throws(() => appsFromJson({ configs: [{ path, data: '', strategy: 'overwrite' }] }), { code: 'CLUSTERFILE_INVALID' });
});
