import type { PhaseDraft } from '@seal/plan';
import { type ClusterContext, masters } from '../cluster-context.ts';
import { pathsOf } from '../kubernetes/commands.ts';
import { runScript } from '../run-script.ts';
import { registryOf } from './registry-of.ts';

/** `init-registry.sh PORT DATADIR DOMAIN` on M0, where the image brings a registry. */
export function installRegistry(context: ClusterContext): PhaseDraft[] {
  const { domain, port, present } = registryOf(context);
  if (!present) return [];
  const args = [String(port), `${pathsOf(context).rootfs}/registry`, domain];
  const step = runScript(context, masters(context)[0]!, { script: 'init-registry.sh', args, timeoutSeconds: 600 });
  return [{ name: 'registry', title: `Start the registry ${domain}:${port}`, steps: [step] }];
}
