import type { Cluster, HostSpec } from '@seal/clusterfile';

/** What somebody wants done to a cluster, as it is kept with a saved plan: plain JSON. */
export type ChangeRequest =
  | { readonly verb: 'run'; readonly desired: Cluster }
  | {
      readonly verb: 'scale-up';
      readonly cluster: string;
      readonly masters: readonly string[];
      readonly workers: readonly string[];
      /** From a Clusterfile, instead of `masters` and `workers`. */
      readonly hosts?: readonly HostSpec[];
    }
  | {
      readonly verb: 'delete-nodes';
      readonly cluster: string;
      readonly nodes: readonly string[];
      readonly force: boolean;
      readonly skipDrain: boolean;
    }
  | { readonly verb: 'delete-cluster'; readonly cluster: string; readonly force: boolean };
