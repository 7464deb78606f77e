import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Problem } from '@seal/foundation';
import { parseClusterfile } from './parse-clusterfile.ts';

const wholeFile = `apiVersion: sealer.cloud/v2
kind: Cluster
metadata:
  name: my-cluster
spec:
  image: registry.example/kubernetes:1.20.2
  env: ["Mode=fast", "Empty="]
  cmd: [kubectl get nodes]
  containerRuntime: {type: containerd}
  ssh: {passwd: secret}
  hosts:
    - ips: [10.1.0.216-10.1.0.217]
      roles: [master]
      env: [Disk=/dev/sdb]
    - ips: ["fd00::2", 10.1.0.5]
      roles: [node]
      labels: {zone: a}
      taints: ["gpu=yes:NoSchedule"]
  hostAliases:
    - {ip: 10.1.0.9, hostnames: [mirror.example]}
  registry:
    localRegistry: {domain: hub.local, port: 5001}
---
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
networking: {podSubnet: 10.9.0.0/16}
---
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
networking: {serviceSubnet: 10.8.0.0/16}
`;

function findings(text: string): string[] {
  try {
    parseClusterfile(text, 'Clusterfile');
  } catch (error) {
    assert.ok(error instanceof Problem);
    assert.equal(error.code, 'CLUSTERFILE_INVALID');
    return error.message.split('\n');
  }
  return [];
}

const small = (spec: string) => `apiVersion: sealer.io/v2\nkind: Cluster\nspec:\n  image: a\n${spec}`;

test('a Clusterfile of sealer gives the Cluster it asks for, ranges expanded and kubeadm documents of one kind merged', () => {
  const { cluster, warnings } = parseClusterfile(wholeFile, 'Clusterfile');
  assert.deepEqual(cluster, {
    name: 'my-cluster',
    image: 'registry.example/kubernetes:1.20.2',
    env: { Mode: 'fast', Empty: '' },
    cmds: ['kubectl get nodes'],
    hosts: [
      { ip: '10.1.0.216', role: 'master', env: { Disk: '/dev/sdb' }, labels: {}, taints: [] },
      { ip: '10.1.0.217', role: 'master', env: { Disk: '/dev/sdb' }, labels: {}, taints: [] },
      { ip: 'fd00::2', role: 'worker', env: {}, labels: { zone: 'a' }, taints: ['gpu=yes:NoSchedule'] },
      { ip: '10.1.0.5', role: 'worker', env: {}, labels: { zone: 'a' }, taints: ['gpu=yes:NoSchedule'] },
    ],
    hostAliases: [{ ip: '10.1.0.9', names: ['mirror.example'] }],
    kubeadm: {
      ClusterConfiguration: {
        apiVersion: 'kubeadm.k8s.io/v1beta2',
        networking: { podSubnet: '10.9.0.0/16', serviceSubnet: '10.8.0.0/16' },
      },
    },
    dataRoot: '/var/lib/seal/data',
    containerRuntime: 'containerd',
    registry: { domain: 'hub.local', port: 5001 },
  });
  assert.match(warnings.join('\n'), /^Clusterfile:10: spec\.ssh has no effect/);
});

test('a Clusterfile of sealos is read: ports of hosts and architectures among roles mean nothing here', () => {
  const { cluster, warnings } = parseClusterfile(
    `apiVersion: apps.sealos.io/v1beta1
kind: Cluster
metadata: {creationTimestamp: "2022-10-20T13:12:33Z", name: default}
spec:
  hosts:
  - {ips: ["10.0.4.3:22"], roles: [master, amd64]}
  - {ips: ["[fd00::7]:22", 10.0.4.4], roles: [node, arm64]}
  image: [labring/kubernetes:v1.25.0, labring/kubernetes:v1.25.0]
  ssh: {user: root}
status: {phase: ClusterSuccess}
`,
    'Clusterfile',
  );
  assert.equal(cluster.image, 'labring/kubernetes:v1.25.0');
  assert.deepEqual(
    cluster.hosts.map((host) => [host.ip, host.role]),
    [
      ['10.0.4.3', 'master'],
      ['fd00::7', 'worker'],
      ['10.0.4.4', 'worker'],
    ],
  );
  assert.equal(warnings.length, 1);
});

test('every mistake of a file is reported at once, each with line, column and what was expected', () => {
  const text = small(`  imgae: b
  env: [9lives=1]
  hosts:
    - ips: [10.0.0.300, 10.0.0.9-10.0.0.2]
      roles: [boss]
    - ips: [10.0.0.1, 10.0.0.1]
      roles: [node]
  dataRoot: /data
`);
  assert.deepEqual(findings(text), [
    'Clusterfile:5:3: unknown field "imgae" of spec; did you mean "image"?',
    'Clusterfile:6:9: "9lives=1" in spec.env is no environment variable; expected NAME=VALUE',
    'Clusterfile:8:13: "10.0.0.300" is no IP address',
    'Clusterfile:8:25: the range 10.0.0.9-10.0.0.2 is reversed; expected 10.0.0.2-10.0.0.9',
    'Clusterfile:9:15: role "boss" is unknown; expected master or node',
    'Clusterfile:10:23: host 10.0.0.1 is named twice: here and in spec.hosts[1]',
    'Clusterfile:12:13: "/data" is no place for the data root; expected an absolute path of at least two plain names, such as /var/lib/seal/data',
  ]);
});

const refused: readonly (readonly [title: string, text: string, finding: RegExp])[] = [
  [
    'an unknown field far from any known one',
    small('  zzz: 1\n'),
    /:5:3: unknown field "zzz" of spec; expected one of image, env, /,
  ],
  [
    'a number where text belongs',
    small('  dataRoot: 1.20\n'),
    /:5:13: spec\.dataRoot must be text, found number 1\.2; put it in quotes/,
  ],
  ['text where a list belongs', small('  env: A=1\n'), /:5:8: spec\.env must be a list, found text "A=1"/],
  ['a host without role', small('  hosts:\n    - ips: [10.0.0.1]\n'), /:6:7: spec\.hosts\[0\] has no roles/],
  [
    'a host with both roles',
    small('  hosts:\n    - {ips: [10.0.0.1], roles: [master, node]}\n'),
    /must name one of master and node/,
  ],
  [
    'a host with a port, which only sealos writes',
    small('  hosts:\n    - {ips: ["10.0.0.1:22"], roles: [master]}\n'),
    /"10\.0\.0\.1:22" is no IP address/,
  ],
  [
    'a host range over the limit',
    small('  hosts:\n    - {ips: [10.0.0.1-10.0.9.1], roles: [node]}\n'),
    /holds 2305 addresses \(limit 1000\)/,
  ],
  ['a data root that climbs', small('  dataRoot: /var/lib/../../etc\n'), /is no place for the data root/],
  ['a taint without effect', small('  hosts:\n    - {ips: [10.0.0.1], roles: [node], taints: [gpu]}\n'), /"gpu" is no taint/],
  ['a registry password', small('  registry: {localRegistry: {password: x}}\n'), /password is not supported yet/],
  [
    'a document of a kind for later',
    'apiVersion: sealer.io/v2\nkind: Plugin\n',
    /:2:7: documents of kind Plugin are not supported yet by this version/,
  ],
  ['a misspelt kind', 'apiVersion: a\nkind: Clsuter\n', /:2:7: kind "Clsuter" is unknown; did you mean "Cluster"\?/],
  [
    'an unknown version',
    'apiVersion: sealer.io/v9\nkind: Cluster\n',
    /:1:13: apiVersion "sealer\.io\/v9" of kind Cluster is unknown/,
  ],
  ['a document without kind', 'apiVersion: sealer.io/v2\n', /:1:1: a document without "kind"/],
  ['two Cluster documents', `${small('')}---\n${small('')}`, /:6:1: a second Cluster document/],
  ['a file without a Cluster', '# nothing\n', /:1:1: no document of kind Cluster/],
  ['a field given twice', small('  image: b\n'), /:5:3: Map keys must be unique/],
  ['broken YAML', 'apiVersion: [a\n', /:\d+:\d+: .*sequence/],
];

for (const [title, text, finding] of refused)
  test(`refuses ${title}, with file, line and column`, () => {
    const found = findings(text);
    assert.ok(
      found.some((line) => line.startsWith('Clusterfile:') && finding.test(line)),
      found.join('\n'),
    );
  });

test('a file of more than a mebibyte is not even parsed', () => {
  assert.match(findings(`# ${'x'.repeat(1024 * 1024)}`).join(), /1048578 characters \(limit 1048576\)/);
});

test('an alias bomb in a kubeadm document is refused', () => {
  const levels = Array.from(
    { length: 12 },
    (_, level) => `l${level + 1}: &l${level + 1} [${Array(9).fill(`*l${level}`).join(', ')}]`,
  );
  const text = `${small('')}---\napiVersion: v1\nkind: ClusterConfiguration\nl0: &l0 [x]\n${levels.join('\n')}\n`;
  assert.match(findings(text).join(), /cannot be read: Excessive alias count/);
});
