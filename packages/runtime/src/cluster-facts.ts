import type { ImageApp, ImageKind } from '@seal/cluster-image';
import type { Cluster } from '@seal/clusterfile';
import type { Content, LayerRef, NodeFacts } from '@seal/plan';

/** An enrolled node as the server saw it last. */
export interface SeenNode {
  readonly id: string;
  readonly name: string;
  readonly connected: boolean;
  readonly facts: NodeFacts;
  /** Cluster that the node is a member of, if any. */
  readonly cluster?: string;
  /** What its bootstrap token allowed. */
  readonly usages: readonly ('join-master' | 'join-worker')[];
  readonly labels: Readonly<Record<string, string>>;
  /** How far the node's clock is off the server's, in seconds, when its facts arrived; positive: the node is behind. */
  readonly clockSkewSeconds?: number;
}

/** A ClusterImage as the planner needs it; read from manifest, config and a scan of the layers. */
export interface ImageFacts {
  readonly reference: string;
  readonly digest: string;
  readonly arch: 'amd64' | 'arm64';
  readonly layers: readonly LayerRef[];
  /** Layers of patches, which lie over the rootfs that `layers` make; lowest first. */
  readonly over?: readonly LayerRef[];
  readonly labels: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  /** CMD / CMDS of the Kubefile: shell lines. */
  readonly cmds: readonly string[];
  /** What the image is for. Default: `kube-installer`. */
  readonly kind?: ImageKind;
  /** Applications below `application/apps/`. */
  readonly apps?: readonly ImageApp[];
  /** LAUNCH of the Kubefile: names of `apps`, started in this order once the cluster is up. */
  readonly launch?: readonly string[];
  /** Every regular file and link of the rootfs, relative, sorted: "scripts/init-kube.sh". */
  readonly paths: readonly string[];
  /** Text of the small files a planner reads: Metadata, etc/kubeadm.yml, etc/k0s.yaml, … */
  readonly files: Readonly<Record<string, string>>;
}

export interface MemberRecord {
  readonly nodeId: string;
  readonly name: string;
  readonly ip: string;
  readonly role: 'master' | 'worker';
  readonly state: 'joining' | 'ready';
}

/** An app, or a patch, that was put into a cluster. */
export interface AppRecord {
  /** Of the app; of the image where that names none, and of a patch. Unique in its cluster. */
  readonly name: string;
  readonly kind: 'app' | 'patch';
  /** Image reference as the user wrote it. */
  readonly image: string;
  readonly imageDigest: string;
  readonly state: 'installing' | 'installed' | 'uninstalling';
  /** When it came into that state, ms since the epoch. */
  readonly sinceMs: number;
  /** Name of the image's directory below `applications/` of the cluster. Absent: it is part of the rootfs. */
  readonly place?: string;
  /** What its user said of it: env over that of the image, and shell lines that take it back. */
  readonly env?: Readonly<Record<string, string>>;
  readonly uninstall?: readonly string[];
  /** Shell lines that launched it instead of what its image says. */
  readonly launch?: readonly string[];
  /** What lies over its image. */
  readonly files?: readonly LaidFile[];
}

/** A file that the user laid over a rootfs. Its text is a secret: people write passwords into configuration. */
export interface LaidFile {
  /** Relative to the rootfs or the app's image. */
  readonly path: string;
  readonly content: Content;
}

/** A cluster as the server has recorded it. */
export interface ClusterRecord {
  readonly name: string;
  readonly revision: number;
  readonly state: 'installing' | 'ready' | 'changing' | 'deleting';
  /** The Cluster that was asked for when it was made; hosts follow scale-up and delete through `members`. */
  readonly spec: Cluster;
  readonly imageDigest: string;
  readonly runtime: string;
  readonly runtimeVersion: string;
  /** Those first asked for in the order of that request, then later ones; the first master is M0. */
  readonly members: readonly MemberRecord[];
  /** Apps and patches, in the order in which they came. */
  readonly apps?: readonly AppRecord[];
  /** What lies over the rootfs of every node, besides patches. */
  readonly files?: readonly LaidFile[];
}

/** A secret that must exist before planning: the server makes what is missing and never makes one twice. */
export interface MaterialSpec {
  /** `cluster/<name>/<what>`; the secret store keys of a CA or key pair are `<ref>.key` (secret) and `<ref>.crt` / `<ref>.pub` (public). */
  readonly ref: string;
  /**
   * `ca`: a self-signed CA, ECDSA P-256. `key-pair`: RSA 2048 (kubeadm before 1.23 joins masters with nothing else), the public half as SPKI PEM.
   * `bootstrap-token`: `[a-z0-9]{6}.[a-z0-9]{16}`. `text`: 32 random bytes in hex.
   */
  readonly kind: 'ca' | 'key-pair' | 'bootstrap-token' | 'text';
  readonly commonName?: string;
}

/** The public half of a material, which plans may hold in clear. */
export interface PublicMaterial {
  readonly certificatePem?: string;
  readonly publicKeyPem?: string;
  /** SHA-256 of the SubjectPublicKeyInfo, hex. */
  readonly spkiSha256?: string;
}

/** Seen: everything a planner may look at besides what was asked. */
export interface ClusterFacts {
  readonly nodes: readonly SeenNode[];
  /** The cluster's own image, with the patches over it: see `withPatches`. */
  readonly image: ImageFacts;
  /** Patches in the order in which they lie over the rootfs, the new ones last. */
  readonly patches?: readonly ImageFacts[];
  /** Images of apps that the change is about, in their order. */
  readonly apps?: readonly ImageFacts[];
  /** Files that the user lays over the rootfs ('') and over images of apps, by reference. */
  readonly files?: Readonly<Record<string, readonly LaidFile[]>>;
  readonly record: ClusterRecord | undefined;
  readonly material: Readonly<Record<string, PublicMaterial>>;
  /** Shown in errors that tell how to install an agent: the one-line command with a placeholder for the token. */
  readonly installHint: string;
}
