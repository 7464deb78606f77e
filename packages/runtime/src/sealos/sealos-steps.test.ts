import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClusterContext, ClusterNode } from '../cluster-context.ts';
import type { ImageFacts } from '../cluster-facts.ts';
import { prepareHosts, uninstallSteps } from '../container-runtime/install.ts';
import { installRegistry } from '../registry/install.ts';
import { sampleCluster, sampleImage, sampleNodes } from '../testing/sample-facts.ts';
import { missingSealosScripts } from './sealos-scripts.ts';

const image: ImageFacts = {
  ...sampleImage,
  labels: {
    init: 'init.sh $registryDomain $registryPort',
    check: 'check.sh $registryData',
    clean: 'clean.sh $criData',
    'init-registry': 'init-registry.sh $registryData $registryConfig',
    'clean-registry': 'clean-registry.sh $registryData',
    auth: 'auth.sh',
    'sealos.io.type': 'rootfs',
    version: 'v1.25.0',
  },
  env: { registryDomain: 'sealos.hub', registryPort: '5050', registryData: '/var/lib/registry', criData: '/var/lib/containerd' },
  paths: ['scripts/init.sh', 'scripts/check.sh', 'scripts/clean.sh', 'scripts/init-registry.sh', 'scripts/auth.sh'],
};

function contextOf(change: Partial<ImageFacts> = {}): ClusterContext {
  const seen = sampleNodes(1, 1);
  const cluster = sampleCluster(seen);
  const nodes = seen.map(({ id, name }, index): ClusterNode => {
    const spec = cluster.hosts[index]!;
    return { id, name, ip: spec.ip, role: spec.role, connected: true, spec };
  });
  return { cluster, image: { ...image, ...change }, material: {}, nodes, apiNode: nodes[0]! };
}

const rows = (context: ClusterContext) =>
  prepareHosts(context, context.nodes, 10, installRegistry(context))
    .filter((phase) => phase.steps.length > 0)
    .map((phase) => `${phase.name}: ${phase.steps.map((step) => `${step.node} ${step.title}`).join(', ')}`);

test('scripts that labels name run in the order of sealos, each on its nodes', () => {
  assert.deepEqual(rows(contextOf()), [
    'check-hosts: node-m1 scripts/check.sh $registryData, node-n1 scripts/check.sh $registryData',
    'registry: node-m1 /var/lib/registry is a link to what the image brings, node-m1 scripts/init-registry.sh $registryData $registryConfig',
    'prepare-hosts: node-m1 scripts/init.sh $registryDomain $registryPort, node-n1 scripts/init.sh $registryDomain $registryPort',
    'registry-login: node-m1 scripts/auth.sh, node-n1 scripts/auth.sh',
  ]);
});

test('init-cri runs only where a label names it; other scripts also by their usual name', () => {
  const withCri = { ...image.labels, 'init-cri': 'init-cri.sh $criData' };
  assert.match(rows(contextOf({ labels: withCri })).join('\n'), /\ncontainer-runtime: node-m1 scripts\/init-cri\.sh \$criData/);
  const { check: _check, ...labels } = image.labels;
  assert.match(rows(contextOf({ labels }))[0] ?? '', /^check-hosts: node-m1 scripts\/check\.sh,/);
});

test('a script gets the ENV of the image as its environment, and the registry of the cluster by the names of sealos', () => {
  const [check] = prepareHosts(contextOf(), contextOf().nodes, 10)[0]?.steps ?? [];
  assert.ok(check?.kind === 'run-command');
  assert.deepEqual(check.args.argv, ['/bin/bash', '-c', 'bash check.sh $registryData']);
  const { registryData, registryDomain, registryPort, RegistryURL, SEALOS_SYS_KUBE_VERSION } = check.args.env;
  assert.deepEqual(
    [registryData, registryDomain, registryPort, RegistryURL, SEALOS_SYS_KUBE_VERSION],
    ['/var/lib/registry', 'sealos.hub', '5050', 'sealos.hub:5050', 'v1.25.0'],
  );
  const own = contextOf();
  const asked = { ...own, cluster: { ...own.cluster, registry: { domain: 'hub.local', port: 7 } } };
  const [other] = prepareHosts(asked, asked.nodes, 10)[0]?.steps ?? [];
  assert.ok(other?.kind === 'run-command');
  assert.deepEqual([other.args.env.registryDomain, other.args.env.registryPort], ['hub.local', '7']);
});

test('hosts are cleaned by the scripts of the labels; the registry where it was', () => {
  const context = contextOf();
  const titles = (node: ClusterNode) => uninstallSteps(context, node).map((step) => step.title);
  assert.deepEqual(titles(context.nodes[1]!), ['scripts/clean.sh $criData']);
  assert.deepEqual(titles(context.nodes[0]!), [
    'scripts/clean.sh $criData',
    'scripts/clean-registry.sh $registryData',
    'remove the link /var/lib/registry',
  ]);
});

test('scripts that labels name and the image lacks are known beforehand', () => {
  assert.deepEqual(missingSealosScripts(image), ['scripts/clean-registry.sh']);
  assert.deepEqual(missingSealosScripts(sampleImage), []);
});
