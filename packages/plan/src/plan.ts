import type { Step } from './step.ts';

export type PlanKind = 'install' | 'scale-up' | 'delete-nodes' | 'delete-cluster' | 'install-apps' | 'uninstall-app' | 'exec';

/** A node as a plan names it. */
export interface PlanNode {
  readonly id: string;
  readonly name: string;
  readonly ip: string;
  readonly role: 'master' | 'worker' | 'none';
}

/**
 * A named set of steps. Steps of one node run in their order, one at a time; different nodes run side by side, at most `parallelism`.
 * A phase begins when every phase before it in the plan is done (phases are sequential; that is what makes a plan readable).
 */
export interface Phase {
  /** Stable kebab-case name, unique in its plan: "join-workers". */
  readonly name: string;
  /** One line for people. */
  readonly title: string;
  /** True where the phase takes something away that a user may miss (drain, reset, remove). */
  readonly destructive: boolean;
  readonly parallelism: number;
  /** Longest time from its start to its end, waiting for nodes included. Absent: none besides those of its steps. */
  readonly timeoutSeconds?: number;
  /** True where the phase begins only if no node has failed before it, whatever the operation does about failures: what it ends cannot be had back. */
  readonly needsAll?: boolean;
  readonly steps: readonly Step[];
}

/** What Seal decided to do. Pure, immutable data; recorded before its first step is sent. */
export interface Plan {
  readonly id: string;
  readonly kind: PlanKind;
  /** Cluster name; '' for exec outside any cluster. */
  readonly cluster: string;
  /** Revision of the recorded cluster on which this was decided; 0 = no such cluster. */
  readonly baseRevision: number;
  /** One line for people: "install cluster demo: 1 master, 2 workers, image kubernetes:1.20.2". */
  readonly summary: string;
  readonly nodes: readonly PlanNode[];
  readonly phases: readonly Phase[];
}
