import type { StepDraft } from '@seal/plan';
import type { ClusterContext, ClusterNode } from './cluster-context.ts';
import { pathsOf } from './kubernetes/commands.ts';
import { scriptEnv } from './script-env.ts';

export interface ScriptCall {
  /** Name below scripts/ of the rootfs. */
  readonly script: string;
  readonly args?: readonly string[];
  readonly timeoutSeconds: number;
  /** A script that the image does not have is skipped. */
  readonly optional?: boolean;
}

/** One script of the image on one node, with the environment that all scripts get. Scripts may be run again: that is their contract. */
export function runScript(context: ClusterContext, node: ClusterNode, call: ScriptCall): StepDraft {
  const { rootfs } = pathsOf(context);
  const { script, args = [], optional = false } = call;
  return {
    title: [`scripts/${script}`, ...args].join(' '),
    node: node.id,
    kind: 'run-script',
    args: { rootfs, script, args, env: scriptEnv(context, node, rootfs), optional },
    effect: 'idempotent',
    timeoutSeconds: call.timeoutSeconds,
  };
}
