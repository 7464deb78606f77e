import { Problem } from '@seal/foundation';
import semver from 'semver';
import type { ImageFacts } from '../cluster-facts.ts';

/** The name by which workers and tools reach the API; /etc/hosts of every node says where it is. */
export const apiName = 'apiserver.cluster.local';
export const apiPort = 6443;
export const adminKubeconfig = '/etc/kubernetes/admin.conf';

const versionLabels = ['cluster.alpha.sealer.io/cluster-runtime-version', 'version'];

/**
 * The Kubernetes version that `image` brings, with its "v": label, else the file Metadata.
 * Problem: IMAGE_VERSION_UNKNOWN when it says none, or one that is no version; IMAGE_FILE_INVALID.
 */
export function kubernetesVersion(image: ImageFacts): string {
  const said = versionLabels.map((label) => image.labels[label]).find((value) => value) ?? metadataVersion(image);
  const version = said === undefined ? null : semver.parse(said);
  if (version) return `v${version.version}`;
  throw new Problem(
    'IMAGE_VERSION_UNKNOWN',
    said === undefined
      ? `image ${image.reference} does not say which Kubernetes version it brings`
      : `image ${image.reference} says Kubernetes version "${said}", which is none`,
    { remedy: `Give it LABEL ${versionLabels[0]}=v1.20.2 or a file Metadata with "kubeVersion", and build it again.` },
  );
}

/** The version of kubeadm's configuration that `version` reads: v1beta2 below 1.22, v1beta4 from 1.31, v1beta3 between. */
export function kubeadmApiVersion(version: string): string {
  const name = semver.lt(version, '1.22.0-0') ? 'v1beta2' : semver.lt(version, '1.31.0-0') ? 'v1beta3' : 'v1beta4';
  return `kubeadm.k8s.io/${name}`;
}

/** Where the container runtime listens, in the form that the version wants (`unix://` from 1.24). */
export function criSocket(containerRuntime: 'containerd' | 'docker', version: string): string {
  const old = semver.lt(version, '1.24.0-0');
  if (containerRuntime === 'containerd') return `${old ? '' : 'unix://'}/run/containerd/containerd.sock`;
  return old ? '/var/run/dockershim.sock' : 'unix:///run/cri-dockerd.sock';
}

function metadataVersion(image: ImageFacts): string | undefined {
  const metadata = readMetadata(image);
  const version = metadata.kubeVersion || metadata.version;
  return typeof version === 'string' && version !== '' ? version : undefined;
}

/** The file Metadata of an image, {} where there is none. Problem: IMAGE_FILE_INVALID when it is no JSON. */
export function readMetadata(image: ImageFacts): Readonly<Record<string, unknown>> {
  const text = image.files.Metadata;
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(text);
    if (value !== null && typeof value === 'object') return value as Record<string, unknown>;
  } catch (error) {
    throw new Problem('IMAGE_FILE_INVALID', `the file Metadata of image ${image.reference} is no JSON`, { cause: error });
  }
  throw new Problem('IMAGE_FILE_INVALID', `the file Metadata of image ${image.reference} is no JSON object`);
}
