import type { ClusterContext } from '../cluster-context.ts';
import { pathsOf } from '../kubernetes/commands.ts';
import { adminKubeconfig } from '../kubernetes/facts.ts';
import { computedEnv } from '../script-env.ts';
import type { AppUnit } from './app-units.ts';

/** Where an image of apps lies on the master that launches it; without a place, the rootfs. */
export function imageRoot(context: ClusterContext, place: string | undefined): string {
  const { rootfs, applications } = pathsOf(context);
  return place === undefined ? rootfs : `${applications}/${place}`;
}

/** Where the files of a unit lie. */
export function unitRoot(context: ClusterContext, { place, app }: AppUnit): string {
  return app ? `${imageRoot(context, place)}/application/apps/${app.name}` : imageRoot(context, place);
}

/**
 * The environment of a unit: ENV of its image, APPENV, that of the cluster and the host, what the user says of the app, and what Seal computes,
 * each over the one before. Programs of the image come first in PATH, then those of the rootfs.
 */
export function unitEnv(
  context: ClusterContext,
  unit: Pick<AppUnit, 'image' | 'place' | 'app' | 'config'>,
): Record<string, string> {
  const { cluster, apiNode } = context;
  const computed = computedEnv(context, apiNode, pathsOf(context).rootfs);
  return {
    ...unit.image.env,
    ...unit.app?.env,
    ...cluster.env,
    ...apiNode.spec.env,
    ...unit.config?.env,
    ...computed,
    ...(unit.place === undefined ? {} : { PATH: `${imageRoot(context, unit.place)}/bin:${computed.PATH}` }),
    KUBECONFIG: adminKubeconfig,
  };
}
