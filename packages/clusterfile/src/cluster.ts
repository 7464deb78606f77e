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

/** A file that is laid over the rootfs, or over the directory of an app (`Config` and `Application` documents). */
export interface ConfigFile {
  /** Relative to the rootfs or, with `app`, to the directory of that app. */
  readonly path: string;
  readonly data: string;
  /**
   * `overwrite` puts `data` in the place of the file. `merge` lays the YAML mapping `data` over every document of the YAML file that the image
   * has there. `secret` puts the values of the mapping `data`, base64 encoded, into the Secret that the image has there.
   */
  readonly strategy: 'overwrite' | 'merge' | 'secret';
  readonly app?: string;
}

/** What a user says of one app of an image (`Application` document). */
export interface AppConfig {
  readonly name: string;
  /** Over everything else that makes the app's environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Shell lines in the app's directory, instead of what the image says. Empty: what the image says. */
  readonly launch: readonly string[];
  /** Shell lines in the app's directory that take back what `launch` made. Empty: what Seal knows, or the image's uninstall.sh. */
  readonly uninstall: readonly string[];
}

/** What is asked for of apps, for a cluster that is made and for one that exists. */
export interface AppsWanted {
  /** Names of the apps to launch, in this order, instead of those that the images launch. */
  readonly launchApps?: readonly string[];
  readonly apps?: readonly AppConfig[];
  readonly configs?: readonly ConfigFile[];
}

/** What a cluster should be: asked, not seen. The one result of every input format (flags, Clusterfile). Plain JSON. */
export interface Cluster extends AppsWanted {
  readonly name: string;
  /** Image reference as the user wrote it. */
  readonly image: string;
  /** Further images as the user wrote them: apps and patches, in the order in which they take effect. */
  readonly images?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Instead of CMD and LAUNCH of every image when not empty: shell lines run on the first master once the cluster is up. */
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
