import type { ImageFacts } from '../cluster-facts.ts';
import type { ClusterRuntime } from '../runtime.ts';
import { kubernetesVersion } from './facts.ts';
import { initMaster } from './install.ts';
import { closeJoining, joinMasters, joinWorkers, labelNodes, openJoining, verify } from './join.ts';
import { leave, reset } from './remove.ts';

/** API, etcd (clients, peers), kubelet, scheduler, controller manager: what kubeadm itself wants to find free. */
const masterPorts = [6443, 2379, 2380, 10250, 10257, 10259];
const workerPorts = [10250];

/** Kubernetes by kubeadm, in the version that `image` brings. Problem: IMAGE_VERSION_UNKNOWN when the image does not say which. */
export function kubernetesRuntime(image: ImageFacts): ClusterRuntime {
  return {
    name: 'kubernetes',
    version: kubernetesVersion(image),
    ports: { master: masterPorts, worker: workerPorts },
    init: initMaster,
    openJoining,
    closeJoining,
    joinMasters,
    joinWorkers,
    labelNodes,
    verify,
    leave,
    reset,
  };
}
