import { Problem } from '@seal/foundation';
import type { Kubefile, Position } from '../kubefile/kubefile.ts';
import { kubefileProblem } from '../kubefile/kubefile-problem.ts';
import { RootfsTree } from '../rootfs/rootfs-tree.ts';
import type { ImageApp, ImageKind } from '../store/image-extension.ts';
import type { ImageStore } from '../store/image-store.ts';
import type { StoreSession } from '../store/session.ts';
import type { ImagePuller } from './container-images/collect-images.ts';
import type { ContextFiles } from './context-files.ts';
import type { BuiltLayer } from './layer-cache.ts';

export type Arch = 'amd64' | 'arm64';

/** What `buildImage` tells while it works. */
export type BuildProgress =
  | { readonly kind: 'instruction'; readonly number: number; readonly count: number; readonly text: string }
  | { readonly kind: 'layer'; readonly digest: string; readonly sizeBytes: number; readonly cached: boolean }
  /** The image of FROM is nowhere here and is brought from its registry. */
  | { readonly kind: 'pull'; readonly reference: string }
  /** A line that a RUN printed. */
  | { readonly kind: 'output'; readonly line: string }
  /** A container image for offline use is in the store; `number` of `count`. */
  | { readonly kind: 'image'; readonly reference: string; readonly number: number; readonly count: number }
  | { readonly kind: 'warning'; readonly message: string };

/** What is the same during a whole build. */
export interface BuildContext {
  readonly kubefile: Kubefile;
  readonly files: ContextFiles;
  readonly store: ImageStore;
  readonly session: StoreSession;
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly epochSeconds: number;
  readonly noNetwork: boolean;
  /** True: nothing that an earlier build made or fetched is taken. */
  readonly noCache: boolean;
  /** Where an image of FROM comes from that the store lacks. */
  readonly basePuller?: ImagePuller;
  readonly onProgress: (progress: BuildProgress) => void;
  readonly signal?: AbortSignal;
}

export interface HistoryEntry {
  readonly created: string;
  readonly created_by?: string;
  readonly empty_layer?: boolean;
}

/** What instructions change, one after the other. */
export class BuildState {
  arch: Arch;
  author: string | undefined;
  cmds: readonly string[] = [];
  launch: readonly string[] = [];
  /** Of the base image. */
  kind: ImageKind | undefined;
  /** `at`: where the APP stands; none for apps of the base image. */
  readonly apps = new Map<string, ImageApp & { readonly at?: Position }>();
  readonly env = new Map<string, string>();
  readonly labels = new Map<string, string>();
  /** Build arguments that are declared so far, with their values. */
  readonly args = new Map<string, string>();
  /** Defaults of ARGs before FROM; an `ARG NAME` behind it takes them up. */
  readonly argsBeforeFrom = new Map<string, string>();
  readonly usedBuildArgs = new Set<string>();
  readonly layers: Omit<BuiltLayer, 'cached'>[] = [];
  readonly history: HistoryEntry[] = [];
  readonly tree = new RootfsTree();
  /** Where layers were unpacked for RUN, and how many of them. */
  rootfs: { readonly directory: string; layers: number } | undefined;

  constructor(arch: Arch) {
    this.arch = arch;
  }

  /** What `$NAME` means now: built-in, then ARG, then ENV, which wins. */
  variables(): Record<string, string> {
    const builtIn = { ARCH: this.arch, TARGETARCH: this.arch, TARGETOS: 'linux', TARGETPLATFORM: `linux/${this.arch}` };
    return { ...builtIn, ...Object.fromEntries(this.args), ...Object.fromEntries(this.env) };
  }
}

/** Runs `work`; a Problem that says nothing of the Kubefile gets the place of the instruction, or the word, put before it. */
export async function atPlace<T>(kubefile: Kubefile, { at }: { readonly at: Position }, work: () => Promise<T> | T): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (!(thrown instanceof Problem) || thrown.details.line !== undefined || thrown.code === 'CANCELLED') throw thrown;
    const placed = kubefileProblem(kubefile, at, thrown.message, thrown.code);
    throw new Problem(thrown.code, placed.message, {
      remedy: thrown.remedy,
      details: { ...thrown.details, ...placed.details },
      cause: thrown,
    });
  }
}
