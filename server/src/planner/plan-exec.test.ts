import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describePlan } from '@seal/plan';
import { installed, sampleNode, sampleNodes } from '@seal/runtime/testing';
import { planId } from './change-samples.ts';
import { planDeleteNodes } from './plan-delete-nodes.ts';
import { planExec } from './plan-exec.ts';

test('exec runs one command on each node, in no cluster; its end lost, it is not repeated', () => {
  const plan = planExec({ planId, nodes: sampleNodes(1, 1), argv: ['uname', '-a'], timeoutSeconds: 5 });
  assert.equal(plan.cluster, '');
  assert.deepEqual(
    plan.phases[0]!.steps.map((step) => [
      step.node,
      step.kind === 'run-command' && step.args.argv,
      step.effect,
      step.timeoutSeconds,
    ]),
    ['node-m1', 'node-n1'].map((node) => [node, ['uname', '-a'], 'irreversible', 5]),
  );
  assert.throws(
    () => planExec({ planId, nodes: [sampleNode('x', '10.0.0.9', { connected: false })], argv: ['a'], timeoutSeconds: 5 }),
    { code: 'NODE_NOT_CONNECTED' },
  );
});

test('a plan reads as text: what runs where, how many at a time, and what destroys', () => {
  const facts = installed(sampleNodes(2, 1));
  assert.equal(
    describePlan(planDeleteNodes({ planId, facts, nodes: ['m2'], force: true })),
    `remove 1 master from cluster demo: m2; --force: a drain that fails does not stop the removal
7 phases, 13 steps on 3 nodes:
  m1  10.0.0.11  master
  m2  10.0.0.12  master
  n1  10.0.0.101  worker

 1. Before m2 goes: etcd has its quorum without it  [gate-m2]
      on m1
        - wait: etcd healthy on 1 of m1 (gate; idempotent; at most 5m)
 2. Drain m2  [drain-m2]  (DESTRUCTIVE)
      on m1
        - drain m2 (run-command; idempotent; at most 6m; goes on if it fails)
 3. Stop the kubelet of m2  [stop-m2]  (DESTRUCTIVE)
      on m2
        - stop the kubelet (manage-unit; idempotent; at most 2m)
 4. Take m2 out of the cluster's membership  [forget-m2]  (DESTRUCTIVE)
      on m1
        - delete node m2 from the API (run-command; idempotent; at most 2m)
        - remove m2 from etcd (run-command; idempotent; at most 4m)
 5. Reset Kubernetes on m2  [reset-m2]  (DESTRUCTIVE)
      on m2
        - kubeadm reset (run-command; idempotent; at most 10m)
 6. Give m2 back as it was found  [clean-m2]  (DESTRUCTIVE)
      on m2
        - scripts/clean.sh (run-script; idempotent; at most 10m; if the image has it)
        - scripts/uninstall-containerd.sh (run-script; idempotent; at most 10m; if the image has it)
        - remove the rootfs at /var/lib/seal/data/demo/rootfs (unmount-rootfs; idempotent; at most 5m)
        - remove /var/lib/seal/data/demo (remove-paths; idempotent; at most 5m)
        - /etc/hosts: remove the aliases of the cluster (host-aliases; idempotent; at most 30s)
 7. Nodes that stay learn where the API is now  [follow-masters]  (all at once)
      on m1, n1
        - /etc/hosts: apiserver.cluster.local is 10.0.0.11 (host-aliases; idempotent; at most 30s)
`,
  );
});
