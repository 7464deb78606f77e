import type { FileSpec, PhaseDraft, StepDraft } from '@seal/plan';
import { type ClusterContext, type ClusterNode, masters } from '../cluster-context.ts';
import { pathsOf, shell, waitForApi } from './commands.ts';
import { initScript } from './host-scripts.ts';
import { initFile, type KubeadmFile, socketOf } from './kubeadm-file.ts';
import { materialRefs } from './material.ts';

/** Makes the first master: certificates and configuration put in place, kubeadm init, its API healthy. */
export function initMaster(context: ClusterContext): PhaseDraft[] {
  const node = masters(context)[0]!;
  const file = initFile(context, node);
  const init = shell(context, node, 'kubeadm init', initScript, {
    env: kubeadmEnv(context, file),
    effect: 'guarded',
    timeoutSeconds: 900,
  });
  const steps = [placeFiles(context, node, file), init, removeStaging(context, node), waitForApi(context, node)];
  return [{ name: 'init-master', title: `Make ${node.name} the first master`, steps }];
}

/** Environment of the scripts around kubeadm. */
export function kubeadmEnv(context: ClusterContext, file: KubeadmFile): Record<string, string> {
  const { base, staging, joinedMark } = pathsOf(context);
  return {
    BASE: base,
    STAGING: staging,
    MARK: joinedMark,
    CRI_SOCKET: socketOf(context),
    SKIP_PHASES: file.skipPhases.join(','),
  };
}

/** Configuration for kubeadm and, on masters, the cluster's CAs. They lie apart until kubeadm runs, since a reset empties /etc/kubernetes/pki. */
export function placeFiles(context: ClusterContext, node: ClusterNode, file: KubeadmFile): StepDraft {
  const { staging } = pathsOf(context);
  const config: FileSpec = { path: `${staging}/kubeadm.yaml`, mode: '0600', content: file.content };
  const pki = node.role === 'master' ? pkiFiles(context, `${staging}/pki`) : [];
  return {
    title: node.role === 'master' ? 'configuration for kubeadm and the CAs of the cluster' : 'configuration for kubeadm',
    node: node.id,
    kind: 'write-files',
    args: { files: [config, ...pki] },
    effect: 'idempotent',
    timeoutSeconds: 60,
  };
}

/** Join token and CA keys do not stay lying about. */
export function removeStaging(context: ClusterContext, node: ClusterNode): StepDraft {
  return {
    title: 'remove the configuration and keys that kubeadm no longer needs',
    node: node.id,
    kind: 'remove-paths',
    args: { paths: [pathsOf(context).staging] },
    effect: 'idempotent',
    timeoutSeconds: 60,
  };
}

function pkiFiles(context: ClusterContext, folder: string): FileSpec[] {
  const refs = materialRefs(context.cluster.name);
  const pair = (name: string, ref: string, open: 'crt' | 'pub'): FileSpec[] => [
    { path: `${folder}/${name}.${open}`, mode: '0644', content: { secret: `${ref}.${open}` } },
    { path: `${folder}/${name}.key`, mode: '0600', content: { secret: `${ref}.key` } },
  ];
  return [
    ...pair('ca', refs.ca, 'crt'),
    ...pair('etcd/ca', refs.etcdCa, 'crt'),
    ...pair('front-proxy-ca', refs.frontProxyCa, 'crt'),
    ...pair('sa', refs.serviceAccount, 'pub'),
  ];
}
