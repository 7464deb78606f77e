import type { ImageApp } from '@seal/cluster-image';
import { Problem } from '@seal/foundation';
import type { StepDraft } from '@seal/plan';
import type { ClusterContext } from './cluster-context.ts';
import { pathsOf } from './kubernetes/commands.ts';
import { adminKubeconfig } from './kubernetes/facts.ts';
import { scriptEnv } from './script-env.ts';

/**
 * The steps that start an app of the image, in its directory: APPCMDS as one shell line, else what its files are (`helm install`,
 * `kubectl apply -f`, `bash`). Its own env stands between that of the image and that of the cluster. As nobody knows whether they may be run
 * twice, a step whose end was lost is reported as UNKNOWN.
 *
 * Problem: IMAGE_INCOMPLETE (the image has no app of that name, or it does not say how it is launched).
 */
export function launchApp(context: ClusterContext, name: string): StepDraft[] {
  const { image, apiNode } = context;
  const app = image.apps?.find((each) => each.name === name);
  if (!app) throw new Problem('IMAGE_INCOMPLETE', `image ${image.reference} launches "${name}" and has no app of that name`);
  const { rootfs } = pathsOf(context);
  const withAppEnv = { ...context, image: { ...image, env: { ...image.env, ...app.env } } };
  const env = { ...scriptEnv(withAppEnv, apiNode, rootfs), KUBECONFIG: adminKubeconfig };
  return launchCommands(app, image.reference).map(
    (argv): StepDraft => ({
      title: `app ${name}: ${argv[0] === '/bin/bash' && argv[1] === '-c' ? argv[2] : argv.join(' ')}`,
      node: apiNode.id,
      kind: 'run-command',
      args: { argv, env, cwd: `${rootfs}/application/apps/${name}` },
      effect: 'irreversible',
      timeoutSeconds: 1800,
    }),
  );
}

function launchCommands({ name, type, files, cmds }: ImageApp, image: string): string[][] {
  if (cmds.length > 0) return [['/bin/bash', '-c', cmds.join(' ')]];
  // "./" keeps a name that begins with "-" from being an option.
  if (type === 'helm') return [['helm', 'install', name, '.']];
  if (type === 'kube') return files.map((file) => ['kubectl', 'apply', '-f', `./${file}`]);
  if (type === 'shell') return files.map((file) => ['/bin/bash', `./${file}`]);
  throw new Problem('IMAGE_INCOMPLETE', `app ${name} of image ${image} does not say how it is launched`);
}
