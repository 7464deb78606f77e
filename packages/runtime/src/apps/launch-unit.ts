import { Problem } from '@seal/foundation';
import type { StepDraft } from '@seal/plan';
import type { ClusterContext } from '../cluster-context.ts';
import { unitEnv, unitRoot } from './app-env.ts';
import type { AppUnit } from './app-units.ts';

/** An app's script of this name takes it back; it is not launched. */
export const uninstallScript = 'uninstall.sh';

interface Launching {
  readonly argv: readonly string[];
  /** May be run again: what is there already is brought up to date. */
  readonly repeatable: boolean;
}

/**
 * The steps that launch a unit, in its directory: what the user says, else APPCMDS as one shell line, else what the files are (`helm upgrade
 * --install`, `kubectl apply -f`, `bash`), else CMD of the image. Nobody knows whether a shell line may be run twice, so one whose end was lost is
 * reported as UNKNOWN.
 *
 * Problem: IMAGE_INCOMPLETE (the app does not say how it is launched).
 */
export function launchUnit(context: ClusterContext, unit: AppUnit): StepDraft[] {
  const env = unitEnv(context, unit);
  return launchCommands(unit).map(
    ({ argv, repeatable }): StepDraft => ({
      title: `${unit.app ? `app ${unit.name}: ` : ''}${argv[0] === '/bin/bash' && argv[1] === '-c' ? argv[2] : argv.join(' ')}`,
      node: context.apiNode.id,
      kind: 'run-command',
      args: { argv, env, cwd: unitRoot(context, unit) },
      effect: repeatable ? 'idempotent' : 'irreversible',
      timeoutSeconds: 1800,
    }),
  );
}

function launchCommands({ name, image, app, config }: AppUnit): Launching[] {
  const shell = (line: string): Launching => ({ argv: ['/bin/bash', '-c', line], repeatable: false });
  if (config && config.launch.length > 0) return config.launch.map(shell);
  if (!app) return image.cmds.map(shell);
  const { type, files, cmds } = app;
  if (cmds.length > 0) return [shell(cmds.join(' '))];
  // "./" keeps a name that begins with "-" from being an option.
  if (type === 'helm') return [{ argv: ['helm', 'upgrade', '--install', name, '.'], repeatable: true }];
  if (type === 'kube') return files.map((file) => ({ argv: ['kubectl', 'apply', '-f', `./${file}`], repeatable: true }));
  if (type === 'shell')
    return files
      .filter((file) => file !== uninstallScript)
      .map((file) => ({ argv: ['/bin/bash', `./${file}`], repeatable: false }));
  throw new Problem('IMAGE_INCOMPLETE', `app ${name} of image ${image.reference} does not say how it is launched`);
}
