import type { StepDraft } from '@seal/plan';
import type { ClusterContext } from '../cluster-context.ts';
import type { ImageFacts, LaidFile } from '../cluster-facts.ts';
import { laidFiles } from '../image-steps.ts';
import { pathsOf } from '../kubernetes/commands.ts';
import { registryOf } from '../registry/registry-of.ts';
import { imageRoot, unitEnv } from './app-env.ts';
import type { AppUnit } from './app-units.ts';

/**
 * Brings an image of apps to the master that launches them, as a mount of its own with the user's files over it and its templates rendered; templates
 * of an app with that app's environment. Container images that it holds go to the registry of the cluster.
 */
export function placeImage(
  context: ClusterContext,
  image: ImageFacts,
  units: readonly AppUnit[],
  files: readonly LaidFile[] = [],
): StepDraft[] {
  const [{ place } = {}] = units;
  if (place === undefined) return [];
  const { apiNode } = context;
  const root = imageRoot(context, place);
  const { reference, layers } = image;
  const env = unitEnv(context, { image, place });
  return [
    {
      title: `fetch ${layers.length} layers of ${reference}`,
      node: apiNode.id,
      kind: 'fetch-layers',
      args: { image: reference, layers },
      effect: 'idempotent',
      timeoutSeconds: 3600,
    },
    {
      title: `${reference} at ${root}`,
      node: apiNode.id,
      kind: 'mount-rootfs',
      args: { mountPoint: root, layers, env },
      effect: 'idempotent',
      timeoutSeconds: 1800,
    },
    ...laidFiles(apiNode, root, files, env),
    ...units.flatMap((unit) => renderUnit(context, unit, files)),
    ...serveImages(context, image, root),
  ];
}

/** Templates in the directory of an app, with its own environment. */
export function renderUnit(context: ClusterContext, unit: AppUnit, files: readonly LaidFile[]): StepDraft[] {
  if (!unit.app) return [];
  const directory = `application/apps/${unit.app.name}`;
  const paths = [...unit.image.paths, ...files.map((file) => file.path)];
  if (!paths.some((path) => path.startsWith(`${directory}/`) && path.endsWith('.tmpl'))) return [];
  return [
    {
      title: `templates of app ${unit.name}`,
      node: context.apiNode.id,
      kind: 'render-templates',
      args: { rootfs: imageRoot(context, unit.place), directories: [directory], env: unitEnv(context, unit) },
      effect: 'idempotent',
      timeoutSeconds: 120,
    },
  ];
}

/** The registry's data is content-addressed files: those of the app's image are laid beside those of the rootfs. */
function serveImages(context: ClusterContext, image: ImageFacts, root: string): StepDraft[] {
  if (!registryOf(context).present || !image.paths.some((path) => path.startsWith('registry/docker/'))) return [];
  const { rootfs } = pathsOf(context);
  const [m0] = context.nodes;
  if (!m0 || m0.id !== context.apiNode.id) return [];
  return [
    {
      title: `container images of ${image.reference} into the registry of the cluster`,
      node: m0.id,
      kind: 'run-command',
      args: { argv: ['cp', '-a', `${root}/registry/docker`, `${rootfs}/registry/`], env: unitEnv(context, { image }) },
      effect: 'idempotent',
      timeoutSeconds: 1800,
    },
  ];
}
