import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Cluster } from './cluster.ts';
import { clusterFromJson } from './cluster-from-json.ts';
import { parseClusterfile } from './parse-clusterfile.ts';
import { toYaml } from './to-yaml.ts';

const ip = fc.oneof(
  fc.integer({ min: 1, max: 0xfffffe }).map((n) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`),
  fc.integer({ min: 1, max: 9999 }).map((n) => `fd00::${n.toString(16)}`),
);
const name = fc.stringMatching(/^[a-z]([-a-z0-9]{0,20}[a-z0-9])?$/);
const env = fc.dictionary(
  fc.stringMatching(/^[A-Za-z][A-Za-z0-9_]{0,8}$/),
  fc.string({ unit: 'binary' }).filter((text) => !/[\0\ud800-\udfff]/u.test(text)),
  { noNullPrototype: true },
);
const words = fc.array(fc.string({ minLength: 1 }), { maxLength: 3 });
const host = fc.record({
  ip,
  role: fc.constantFrom('master' as const, 'worker' as const),
  env,
  labels: fc.dictionary(name, name, { noNullPrototype: true }),
  taints: fc.array(
    name.map((key) => `${key}=x:NoSchedule`),
    { maxLength: 2 },
  ),
});
const tree = fc.dictionary(name, fc.oneof(fc.string(), fc.integer(), fc.boolean(), words), { noNullPrototype: true });
const cluster: fc.Arbitrary<Cluster> = fc
  .record(
    {
      name,
      image: fc.string({ minLength: 1 }),
      env,
      cmds: words,
      hosts: fc.uniqueArray(host, { selector: (item) => item.ip, maxLength: 8 }),
      hostAliases: fc.array(fc.record({ ip, names: fc.array(name, { minLength: 1, maxLength: 3 }) }), { maxLength: 3 }),
      kubeadm: fc.dictionary(
        fc.constantFrom('ClusterConfiguration', 'KubeletConfiguration'),
        tree.map((item) => ({ ...item, apiVersion: 'v1' })),
        { noNullPrototype: true },
      ),
      dataRoot: fc.constantFrom('/var/lib/seal/data', '/data/seal-1'),
      containerRuntime: fc.constantFrom('containerd' as const, 'docker' as const),
      registry: fc.record({ domain: name, port: fc.integer({ min: 1, max: 65535 }) }),
    },
    { requiredKeys: ['name', 'image', 'env', 'cmds', 'hosts', 'hostAliases', 'kubeadm', 'dataRoot'] },
  )
  .filter((item) => Object.values(item.kubeadm).every((document) => !('kind' in document)))
  // fast-check's records have no prototype; what is read back has.
  .map((item) => JSON.parse(JSON.stringify(item)) as Cluster);

test('what toYaml writes, parseClusterfile reads back to the same Cluster', () => {
  fc.assert(
    fc.property(cluster, (asked) => {
      assert.deepEqual(parseClusterfile(toYaml(asked), 'Clusterfile').cluster, asked);
    }),
    { numRuns: 300 },
  );
});

test('a Cluster survives the wire as JSON, and the server accepts it if it has a master', () => {
  fc.assert(
    fc.property(cluster, (asked) => {
      const sent = { ...asked, hosts: [{ ip: '192.168.0.1', role: 'master', env: {}, labels: {}, taints: [] }, ...asked.hosts] };
      assert.deepEqual(clusterFromJson(JSON.parse(JSON.stringify(sent))), sent);
    }),
    { numRuns: 100 },
  );
});
