import type { PhaseDraft, StepDraft } from '@seal/plan';
import { type ClusterContext, type ClusterNode, masters } from '../cluster-context.ts';
import { about, waitFor, waitForApi } from './commands.ts';
import { etcdUrl } from './etcd-url.ts';
import { daemonSetsScript, etcdQuorumScript } from './host-scripts.ts';

/** Before a master joins: the API of every master there is answers, and etcd has its quorum. */
export function gateBeforeMaster(context: ClusterContext, node: ClusterNode, existing: readonly ClusterNode[]): PhaseDraft {
  const apis = existing.filter((master) => master.connected).map((master) => waitForApi(context, master));
  return {
    name: `gate-${node.name}`,
    title: `Before ${node.name} joins: every API healthy, etcd with its quorum`,
    steps: [...apis, etcdKeepsQuorum(context, existing)].map((step) => about(step, node)),
  };
}

/** Waits until a majority of the masters among `nodes` has a healthy etcd. */
export function etcdKeepsQuorum(context: ClusterContext, nodes: readonly ClusterNode[]): StepDraft {
  const members = masters({ ...context, nodes });
  const needed = Math.floor(members.length / 2) + 1;
  return waitFor(context, context.apiNode, {
    what: `etcd healthy on ${needed} of ${members.map((member) => member.name).join(', ')}`,
    argv: ['/bin/sh', '-c', etcdQuorumScript],
    env: { ENDPOINTS: members.map((member) => etcdUrl(member.ip, 2379)).join(' '), NEEDED: String(needed) },
  });
}

/** Waits until the pods that the DaemonSets of kube-system have on a node are ready. */
export function waitForDaemonSets(context: ClusterContext, node: ClusterNode): StepDraft {
  const wait = {
    what: `DaemonSets of kube-system ready on ${node.name}`,
    argv: ['/bin/sh', '-c', daemonSetsScript],
    env: { NODE_NAME: node.name },
  };
  return about(waitFor(context, context.apiNode, wait), node);
}
