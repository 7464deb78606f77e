/** One host as a user asked for it. */
export interface HostSpec {
  /** A single IP address in canonical form; ranges are expanded at the door. */
  readonly ip: string;
  /** `node` of sealer's files and flags is `worker` here; translated once, at the door. */
  readonly role: 'master' | 'worker';
  readonly env: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** `key=value:Effect` or `key:Effect`. */
  readonly taints: readonly string[];
}

/** What a cluster should be: asked, not seen. The one result of every input format (flags, Clusterfile). Plain JSON. */
export interface Cluster {
  readonly name: string;
  /** Image reference as the user wrote it. */
  readonly image: string;
  readonly env: Readonly<Record<string, string>>;
  /** Overrides the image's CMD when not empty: shell lines run on the first master once the cluster is up. */
  readonly cmds: readonly string[];
  readonly hosts: readonly HostSpec[];
  readonly hostAliases: readonly { readonly ip: string; readonly names: readonly string[] }[];
  /** Raw kubeadm documents (kind → merged object with its apiVersion, without kind) that the user's Clusterfile carries. */
  readonly kubeadm: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Where rootfs and state of the cluster lie on every node: an absolute path. */
  readonly dataRoot: string;
  /** Container runtime the user insists on. Absent: what the image says. */
  readonly containerRuntime?: 'containerd' | 'docker';
  /** Name and port of the cluster's own registry. Absent: sea.hub:5000. Used only by images that bring scripts/init-registry.sh. */
  readonly registry?: { readonly domain: string; readonly port: number };
}
