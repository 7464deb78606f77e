import type { StepDraft } from '@seal/plan';
import type { ClusterContext } from '../cluster-context.ts';
import type { AppRecord } from '../cluster-facts.ts';
import { unitEnv, unitRoot } from './app-env.ts';
import type { AppUnit } from './app-units.ts';
import { uninstallScript } from './launch-unit.ts';

/** How a unit is taken back, or why it cannot be. */
export type Undoing = { readonly commands: readonly (readonly string[])[] } | { readonly impossible: string };

/**
 * What takes a unit back: what its user said, else uninstall.sh in its directory, else the label `clean` of an image without apps, else the reverse
 * of `helm upgrade --install` and `kubectl apply`. Shell lines have no reverse that Seal could know.
 */
export function undoing(unit: AppUnit, { uninstall = [], launch = [] }: AppRecord): Undoing {
  const { image, app, name } = unit;
  const shell = (line: string) => ['/bin/bash', '-c', line];
  if (uninstall.length > 0) return { commands: uninstall.map(shell) };
  const script = app ? `application/apps/${app.name}/${uninstallScript}` : uninstallScript;
  if (image.paths.includes(script)) return { commands: [['/bin/bash', `./${uninstallScript}`]] };
  if (!app && image.labels.clean) {
    const directory = image.paths.includes(`scripts/${image.labels.clean.split(/\s/)[0]}`) ? 'cd scripts && ' : '';
    return { commands: [shell(`${directory}bash ${image.labels.clean}`)] };
  }
  if (launch.length > 0) return { impossible: 'it was launched by commands of its user, who did not say what takes it back' };
  if (!app)
    return image.cmds.length === 0
      ? { commands: [] }
      : { impossible: `it was launched by CMD, and its image has no ${uninstallScript}` };
  if (app.cmds.length > 0) return { impossible: `it was launched by APPCMDS, and it has no ${uninstallScript}` };
  if (app.type === 'helm') return { commands: [['/bin/sh', '-c', helmUninstall, 'helm-uninstall', name]] };
  if (app.type === 'kube')
    return { commands: app.files.toReversed().map((file) => ['kubectl', 'delete', '--ignore-not-found', '-f', `./${file}`]) };
  return { impossible: `it was launched by its scripts, and it has no ${uninstallScript}` };
}

/** The steps that take a unit back, in its directory. */
export function uninstallUnit(context: ClusterContext, unit: AppUnit, commands: readonly (readonly string[])[]): StepDraft[] {
  const env = unitEnv(context, unit);
  return commands.map((argv): StepDraft => {
    const words = argv[2] === helmUninstall ? ['helm', 'uninstall', unit.name] : argv[1] === '-c' ? [argv[2]] : argv;
    const repeatable = argv[0] === 'kubectl' || argv[2] === helmUninstall;
    return {
      title: `app ${unit.name}: ${words.join(' ')}`,
      node: context.apiNode.id,
      kind: 'run-command',
      args: { argv, env, cwd: unitRoot(context, unit) },
      effect: repeatable ? 'idempotent' : 'irreversible',
      timeoutSeconds: 1800,
    };
  });
}

/** A release that is not there any more is as good as uninstalled. */
const helmUninstall = `set -eu
if helm status "$1" >/dev/null 2>&1; then exec helm uninstall "$1"; fi
echo "there is no release $1"`;
