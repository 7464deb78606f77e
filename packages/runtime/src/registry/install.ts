import type { PhaseDraft } from '@seal/plan';
import { type ClusterContext, masters } from '../cluster-context.ts';
import { pathsOf } from '../kubernetes/commands.ts';
import { runScript } from '../run-script.ts';
import { isSealosImage } from '../sealos/sealos-scripts.ts';
import { linkRegistryData, sealosStep } from '../sealos/sealos-steps.ts';
import { registryOf } from './registry-of.ts';

/** `init-registry.sh PORT DATADIR DOMAIN` on M0, where the image brings a registry; of an image of sealos what its label says. */
export function installRegistry(context: ClusterContext): PhaseDraft[] {
  const { domain, port, present } = registryOf(context);
  if (!present) return [];
  const node = masters(context)[0]!;
  const args = [String(port), `${pathsOf(context).rootfs}/registry`, domain];
  const steps = isSealosImage(context.image)
    ? [...linkRegistryData(context, node), ...sealosStep(context, node, 'init-registry', 600)]
    : [runScript(context, node, { script: 'init-registry.sh', args, timeoutSeconds: 600 })];
  return [{ name: 'registry', title: `Start the registry ${domain}:${port}`, steps }];
}
