import { type ImageKind, kindLabels, kindOf } from '../store/image-extension.ts';
import type { BuildState } from './build-state.ts';

/**
 * What an image is for: what the user said, else sealos' label, else that of the base image. Where nobody says it: `app-installer` for apps
 * or commands without anything of a rootfs (bin/, cri/, scripts/, Metadata), else `kube-installer`.
 */
export function imageKind(state: BuildState, asked: ImageKind | undefined): ImageKind {
  const label = kindLabels.map((name) => state.labels.get(name)).find((value) => value !== undefined);
  const said = asked ?? kindOf(label) ?? state.kind;
  if (said) return said;
  const isRootfs = ['bin', 'cri', 'scripts', 'Metadata'].some((path) => state.tree.get(path) !== undefined);
  return (state.apps.size > 0 || state.cmds.length > 0) && !isRootfs ? 'app-installer' : 'kube-installer';
}
