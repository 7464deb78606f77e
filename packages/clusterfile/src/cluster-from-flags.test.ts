import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Problem, type ProblemCode } from '@seal/foundation';
import { clusterFromFlags, mergeFlags } from './cluster-from-flags.ts';
import { clusterFromJson } from './cluster-from-json.ts';
import { expandHosts } from './expand-hosts.ts';

function refuses(code: ProblemCode, message: RegExp, work: () => unknown): void {
  assert.throws(work, (error) => {
    assert.ok(error instanceof Problem, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  });
}

test('comma lists and ranges give their addresses in order and in canonical form', () => {
  assert.deepEqual(expandHosts('10.1.0.218'), ['10.1.0.218']);
  assert.deepEqual(expandHosts('10.1.0.255-10.1.1.1, 10.0.0.1'), ['10.1.0.255', '10.1.1.0', '10.1.1.1', '10.0.0.1']);
  assert.deepEqual(expandHosts('fd00:0:0::fffe-fd00::1:1'), ['fd00::fffe', 'fd00::ffff', 'fd00::1:0', 'fd00::1:1']);
  assert.deepEqual(expandHosts(''), []);
  assert.equal(expandHosts('10.0.0.0-10.0.3.231').length, 1000);
});

const wrongHosts: readonly (readonly [text: string, message: RegExp])[] = [
  ['10.0.0', /"10\.0\.0" is no IP address/],
  ['10.0.0.01', /is no IP address/],
  ['0x0a000001', /is no IP address/],
  ['10.0.0.1:22', /is no IP address/],
  ['fe80::1%eth0', /is no IP address/],
  ['m1.example', /is no IP address/],
  ['10.0.0.1,', /has an empty entry/],
  ['10.0.0.1,10.0.0.1', /10\.0\.0\.1 is named twice/],
  ['10.0.0.1-10.0.0.9,10.0.0.4', /10\.0\.0\.4 is named twice in .*by "10\.0\.0\.1-10\.0\.0\.9" and by "10\.0\.0\.4"/],
  ['fd00::1,fd00:0::1', /fd00::1 is named twice/],
  ['10.0.0.9-10.0.0.1', /is reversed; expected 10\.0\.0\.1-10\.0\.0\.9/],
  ['10.0.0.1-10.0.3.233', /holds 1001 addresses \(limit 1000\)/],
  ['10.0.0.1-fd00::1', /goes from ipv4 to ipv6/],
  ['10.0.0.1-10.0.0.2-10.0.0.3', /is no range/],
];
for (const [text, message] of wrongHosts)
  test(`the host list "${text}" is refused`, () => refuses('HOSTS_INVALID', message, () => expandHosts(text)));

test('flags give a Cluster: masters first, env read, defaults filled in', () => {
  const cluster = clusterFromFlags({
    image: 'k:1',
    masters: '10.0.0.1',
    nodes: ['10.0.0.2', '10.0.0.3-10.0.0.4'],
    env: ['A=b=c'],
  });
  assert.equal(cluster.name, 'default');
  assert.equal(cluster.dataRoot, '/var/lib/seal/data');
  assert.deepEqual(cluster.env, { A: 'b=c' });
  assert.deepEqual(
    cluster.hosts.map((host) => `${host.role} ${host.ip}`),
    ['master 10.0.0.1', 'worker 10.0.0.2', 'worker 10.0.0.3', 'worker 10.0.0.4'],
  );
});

test('flags that make no cluster are refused, each with its code', () => {
  refuses('NO_MASTER', /cluster default was asked for with 1 host and no master/, () =>
    clusterFromFlags({ image: 'k', nodes: '10.0.0.1' }),
  );
  refuses('USAGE', /no ClusterImage/, () => clusterFromFlags({ masters: '10.0.0.1' }));
  refuses('USAGE', /"My_Cluster" is no name/, () => clusterFromFlags({ name: 'My_Cluster', image: 'k', masters: '10.0.0.1' }));
  refuses('USAGE', /"=x" is no environment variable/, () => clusterFromFlags({ image: 'k', masters: '10.0.0.1', env: ['=x'] }));
  refuses('HOSTS_INVALID', /10\.0\.0\.1 is named both as master and as node/, () =>
    clusterFromFlags({ image: 'k', masters: '10.0.0.1', nodes: '10.0.0.1' }),
  );
});

test('flags beside a Clusterfile win over it, and add their hosts to it', () => {
  const file = clusterFromFlags({ name: 'file', image: 'k:1', masters: '10.0.0.1', env: ['A=1', 'B=1'], cmds: ['x'] });
  const merged = mergeFlags(file, { image: 'k:2', masters: '10.0.0.1', nodes: '10.0.0.2', env: ['B=2'] });
  assert.equal(merged.name, 'file');
  assert.equal(merged.image, 'k:2');
  assert.deepEqual(merged.env, { A: '1', B: '2' });
  assert.deepEqual(merged.cmds, ['x']);
  assert.deepEqual(
    merged.hosts.map((host) => host.ip),
    ['10.0.0.1', '10.0.0.2'],
  );
  refuses('HOSTS_INVALID', /10\.0\.0\.1 is a master in the Clusterfile and a worker in the flags/, () =>
    mergeFlags(file, { nodes: '10.0.0.1' }),
  );
});

test('a Cluster from the wire is checked as if nobody had parsed it before', () => {
  const good = clusterFromFlags({ image: 'k', masters: '10.0.0.1' });
  assert.deepEqual(clusterFromJson(good), good);
  refuses('CLUSTERFILE_INVALID', /dataRoot/, () => clusterFromJson({ ...good, dataRoot: '/' }));
  refuses('CLUSTERFILE_INVALID', /hosts\.0\.ip: must be one IP address/, () =>
    clusterFromJson({ ...good, hosts: [{ ip: '10.0.0.1-10.0.0.2', role: 'master' }] }),
  );
  refuses('CLUSTERFILE_INVALID', /more/, () => clusterFromJson({ ...good, more: 1 }));
  refuses('HOSTS_INVALID', /10\.0\.0\.1 is named twice/, () =>
    clusterFromJson({ ...good, hosts: [...good.hosts, ...good.hosts] }),
  );
  refuses('USAGE', /is no name/, () => clusterFromJson({ ...good, name: '../etc' }));
});
