import type { PhaseDraft } from '@seal/plan';
import type { ClusterContext, ClusterNode } from './cluster-context.ts';

/** Overrides of the gates before a node leaves; they are told in the summary of the plan. */
export interface LeaveOptions {
  /** Pods without an owner go too, and a drain that fails does not stop the rest. */
  readonly force: boolean;
  readonly skipDrain?: boolean;
}

/**
 * A cluster runtime: how masters and workers become a cluster, and stop being one. Each gives phases; the planner puts them between
 * what is the same for all (image, aliases, container runtime, hooks). Pure.
 */
export interface ClusterRuntime {
  readonly name: 'kubernetes';
  /** The version that the image brings: "v1.20.2". */
  readonly version: string;
  /** TCP ports that must be free on a host before it joins in that role. */
  readonly ports: Readonly<Record<'master' | 'worker', readonly number[]>>;
  /** Makes the first master. */
  init(context: ClusterContext): PhaseDraft[];
  /** Admits new nodes for as long as a plan takes (`open`) and no longer (`close`). */
  openJoining(context: ClusterContext): PhaseDraft[];
  closeJoining(context: ClusterContext): PhaseDraft[];
  /** One phase per master: etcd and API take one new member at a time. */
  joinMasters(context: ClusterContext, joining: readonly ClusterNode[]): PhaseDraft[];
  joinWorkers(context: ClusterContext, joining: readonly ClusterNode[]): PhaseDraft[];
  labelNodes(context: ClusterContext, nodes: readonly ClusterNode[]): PhaseDraft[];
  /** Waits until `nodes` are Ready and every master's API is healthy; records each node as ready. */
  verify(context: ClusterContext, nodes: readonly ClusterNode[]): PhaseDraft[];
  /** Takes `node` out of a cluster that goes on: drain, membership, reset of the host where it is connected. */
  leave(context: ClusterContext, node: ClusterNode, options: LeaveOptions): PhaseDraft[];
  /** Resets hosts of a cluster that ends as a whole. */
  reset(context: ClusterContext, nodes: readonly ClusterNode[]): PhaseDraft[];
}
