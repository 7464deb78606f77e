import { isTree, mergeTrees } from '@seal/clusterfile';
import { Problem } from '@seal/foundation';
import semver from 'semver';
import { Document, parseAllDocuments } from 'yaml';
import type { ClusterContext } from '../cluster-context.ts';
import type { ImageFacts } from '../cluster-facts.ts';
import { argsAsLists, argsAsMaps, argsWithOneValue } from './extra-args.ts';
import { kubeadmApiVersion, kubernetesVersion } from './facts.ts';

export type Tree = Readonly<Record<string, unknown>>;
/** Documents by kind. */
export type Documents = Readonly<Record<string, Tree>>;

const imageFile = 'etc/kubeadm.yml';
const componentVersions: Readonly<Record<string, string>> = {
  KubeletConfiguration: 'kubelet.config.k8s.io/v1beta1',
  KubeProxyConfiguration: 'kubeproxy.config.k8s.io/v1alpha1',
};

/**
 * Documents for kubeadm: the user's (Clusterfile) over the computed over the image's etc/kubeadm.yml over the defaults; then what must not
 * be overridden (`forced`: names, addresses, tokens of one node). Mappings are merged, lists replaced, except certSANs and skipPhases, which are united.
 *
 * Problem: IMAGE_FILE_INVALID when the image's etc/kubeadm.yml cannot be read.
 */
export function mergeDocuments(
  context: ClusterContext,
  layers: { defaults: Documents; computed: Documents; forced: Documents },
): Documents {
  const ordered = [
    layers.defaults,
    imageDocuments(context.image),
    layers.computed,
    context.cluster.kubeadm as Documents,
    layers.forced,
  ];
  const merged: Record<string, Tree> = {};
  for (const layer of ordered)
    for (const [kind, tree] of Object.entries(layer)) {
      const below = merged[kind] ?? {};
      const over = argsAsMaps(tree);
      merged[kind] = { ...mergeTrees(below, over), ...united(below, over) };
    }
  return merged;
}

/** The file that kubeadm reads: documents of `kinds` in the form of the image's Kubernetes version. `skipPhases` goes as a flag, which every version has. */
export function writeDocuments(
  context: ClusterContext,
  documents: Documents,
  kinds: readonly string[],
): { text: string; skipPhases: string[] } {
  const version = kubernetesVersion(context.image);
  const texts: string[] = [];
  let skipPhases: string[] = [];
  for (const kind of kinds) {
    if (!documents[kind]) continue;
    const { skipPhases: skipped, apiVersion: said, ...tree } = documents[kind];
    skipPhases = [...skipPhases, ...textsOf(skipped)];
    const component = componentVersions[kind];
    const apiVersion = component ? (said ?? component) : kubeadmApiVersion(version);
    const body = component ? tree : inVersion(tree, version);
    texts.push(new Document({ apiVersion, kind, ...body }, { aliasDuplicateObjects: false }).toString({ lineWidth: 0 }));
  }
  return { text: texts.join('---\n'), skipPhases: [...new Set(skipPhases)] };
}

function united(below: Tree, over: Tree): Tree {
  const result: Record<string, unknown> = {};
  const phases = [...textsOf(below.skipPhases), ...textsOf(over.skipPhases)];
  if (phases.length > 0) result.skipPhases = [...new Set(phases)];
  const names = [...certSans(below), ...certSans(over)];
  if (names.length > 0)
    result.apiServer = { ...mergeTrees(asTree(below.apiServer), asTree(over.apiServer)), certSANs: [...new Set(names)] };
  return result;
}

function certSans(tree: Tree): string[] {
  return textsOf(asTree(tree.apiServer).certSANs);
}

/** What a layer wrote for another version, in the words of this one. */
function inVersion(tree: Tree, version: string): Tree {
  let result = { ...tree } as Record<string, unknown>;
  if (semver.gte(version, '1.22.0-0')) {
    const { useHyperKubeImage: _removed, ...rest } = result;
    result = rest;
    if (isTree(result.dns)) {
      const { type: _always, ...dns } = result.dns;
      result.dns = dns;
    }
  }
  return semver.gte(version, '1.31.0-0') ? argsAsLists(withTimeouts(result)) : argsWithOneValue(result);
}

/** v1beta4 moved the timeouts into one place of Init- and JoinConfiguration; the one of ClusterConfiguration is gone. */
function withTimeouts(tree: Tree): Tree {
  const result = { ...tree } as Record<string, unknown>;
  if (isTree(result.apiServer)) {
    const { timeoutForControlPlane: _moved, ...apiServer } = result.apiServer;
    result.apiServer = apiServer;
  }
  if (isTree(result.discovery) && result.discovery.timeout !== undefined) {
    const { timeout, ...discovery } = result.discovery;
    result.discovery = discovery;
    result.timeouts = { ...asTree(result.timeouts), discovery: timeout };
  }
  return result;
}

/** The documents of the image's etc/kubeadm.yml, by kind. */
export function imageDocuments(image: ImageFacts): Documents {
  const text = image.files[imageFile];
  if (text === undefined) return {};
  const documents: Record<string, Tree> = {};
  for (const document of parseAllDocuments(text, { prettyErrors: true }) as Document.Parsed[]) {
    const [error] = document.errors;
    if (error) throw new Problem('IMAGE_FILE_INVALID', `${imageFile} of image ${image.reference} is no YAML: ${error.message}`);
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    if (!isTree(value) || typeof value.kind !== 'string') continue;
    const { kind, ...tree } = value;
    documents[kind as string] = tree;
  }
  return documents;
}

function asTree(value: unknown): Tree {
  return isTree(value) ? value : {};
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
