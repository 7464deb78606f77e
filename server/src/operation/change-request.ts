import type { AppsWanted, Cluster, HostSpec } from '@seal/clusterfile';

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
  | {
      readonly verb: 'install-apps';
      readonly cluster: string;
      /** Apps and patches, in their order. */
      readonly images: readonly string[];
      readonly wanted: AppsWanted;
      readonly cmds: readonly string[];
      /** Environment for these apps alone. */
      readonly env: Readonly<Record<string, string>>;
      readonly force: boolean;
      /** What is recorded as asked for from then on: of a Clusterfile that is applied. */
      readonly spec?: Pick<Cluster, 'images' | keyof AppsWanted>;
    }
  | { readonly verb: 'uninstall-app'; readonly cluster: string; readonly name: string; readonly force: boolean }
  | { readonly verb: 'delete-cluster'; readonly cluster: string; readonly force: boolean };
