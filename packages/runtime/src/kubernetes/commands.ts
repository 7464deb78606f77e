import type { Effect, StepDraft } from '@seal/plan';
import type { ClusterContext, ClusterNode } from '../cluster-context.ts';
import { type ClusterPaths, clusterPaths } from '../cluster-paths.ts';
import { programEnv } from '../script-env.ts';
import { adminKubeconfig, apiPort } from './facts.ts';
import { materialRefs } from './material.ts';

/** Drafts of the steps of which everything around kubeadm is made. */
export function pathsOf(context: ClusterContext): ClusterPaths {
  return clusterPaths(context.cluster, context.material[materialRefs(context.cluster.name).ca]?.spkiSha256 ?? '');
}

export interface ShellOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
  readonly effect?: Effect;
  readonly stdinSecret?: string;
  readonly mayFail?: boolean;
}

/** Constant text for /bin/sh on `node`; what varies goes by `env`. */
export function shell(
  context: ClusterContext,
  node: ClusterNode,
  title: string,
  script: string,
  options: ShellOptions,
): StepDraft {
  const env = { ...programEnv(pathsOf(context).rootfs), ...options.env };
  return {
    title,
    node: node.id,
    kind: 'run-command',
    args: { argv: ['/bin/sh', '-c', script], env, ...(options.stdinSecret ? { stdin: { secret: options.stdinSecret } } : {}) },
    effect: options.effect ?? 'idempotent',
    timeoutSeconds: options.timeoutSeconds,
    ...(options.effect === 'guarded' && options.env?.MARK ? { probe: { argv: ['test', '-e', options.env.MARK], env } } : {}),
    ...(options.mayFail ? { mayFail: true } : {}),
  };
}

/** A step that stands in the place of `node`, on whichever node it runs: its failure is that node's. */
export function about(step: StepDraft, node: ClusterNode): StepDraft {
  return step.node === node.id ? step : { ...step, about: node.id };
}

/** kubectl as admin on the node that runs what is run once per cluster. */
export function kubectl(context: ClusterContext, title: string, args: readonly string[]): StepDraft {
  return {
    title,
    node: context.apiNode.id,
    kind: 'run-command',
    args: { argv: ['kubectl', '--kubeconfig', adminKubeconfig, ...args], env: programEnv(pathsOf(context).rootfs) },
    effect: 'idempotent',
    timeoutSeconds: 120,
  };
}

/** Waits, on the master itself, until its own API server says that it is ready. */
export function waitForApi(context: ClusterContext, master: ClusterNode): StepDraft {
  const server = `https://${master.ip.includes(':') ? `[${master.ip}]` : master.ip}:${apiPort}`;
  const argv = [
    'kubectl',
    '--kubeconfig',
    adminKubeconfig,
    '--server',
    server,
    '--request-timeout',
    '10s',
    'get',
    '--raw',
    '/readyz',
  ];
  return waitFor(context, master, { what: `API of ${master.name} healthy`, argv, expect: 'ok' });
}

export function waitForReady(context: ClusterContext, node: ClusterNode): StepDraft {
  const jsonpath = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}';
  const argv = ['kubectl', '--kubeconfig', adminKubeconfig, '--request-timeout', '10s', 'get', 'node', node.name, '-o', jsonpath];
  return about(waitFor(context, context.apiNode, { what: `node ${node.name} Ready`, argv, expect: 'True' }), node);
}

export interface Wait {
  readonly what: string;
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly expect?: string;
}

/** Holds up what comes after it until a command succeeds, at most 5 minutes. */
export function waitFor(context: ClusterContext, node: ClusterNode, { env, ...wait }: Wait): StepDraft {
  return {
    title: `wait: ${wait.what}`,
    node: node.id,
    kind: 'wait-for',
    args: { ...wait, env: { ...programEnv(pathsOf(context).rootfs), ...env }, intervalSeconds: 2 },
    effect: 'idempotent',
    timeoutSeconds: 300,
    gate: true,
  };
}
