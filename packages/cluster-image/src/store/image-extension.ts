import { Problem } from '@seal/foundation';
import * as z from 'zod';
import type { ImageConfig, Manifest } from './manifest.ts';

/** What an image is for: it makes a cluster, is an application of one, or is laid over the rootfs of one. */
export type ImageKind = 'kube-installer' | 'app-installer' | 'patch';

/** An application that lies in `application/apps/<name>/` of an image. */
export interface ImageApp {
  readonly name: string;
  /** How it is launched: `helm install`, `kubectl apply -f`, `bash`; undefined where only `cmds` say it. */
  readonly type?: 'helm' | 'kube' | 'shell';
  /** What `kubectl` or `bash` take, in this order, relative to the app's directory. */
  readonly files: readonly string[];
  /** Seen by this app alone. */
  readonly env: Readonly<Record<string, string>>;
  /** APPCMDS: words of one shell line, joined by blanks; empty: what `type` says. */
  readonly cmds: readonly string[];
}

export interface ImageExtension {
  /** Undefined where the image does not say. */
  readonly kind: ImageKind | undefined;
  readonly apps: readonly ImageApp[];
  /** LAUNCH: apps to start once the cluster is up, in this order. */
  readonly launch: readonly string[];
  /** CMDS as the annotation has them; images of sealer have them nowhere else. */
  readonly cmds: readonly string[];
}

/** The annotation of a manifest in which sealer, and Seal, say what an image is. */
export const extensionAnnotation = 'sealer.image.extension';
/** The label for the same in images of sealos; the second is the older. */
export const kindLabels = ['sealos.io.type', 'apps.sealos.io/type'] as const;

const sealosTypes = { 'kube-installer': 'rootfs', 'app-installer': 'application', patch: 'patch' } as const;
const kindOfType = { rootfs: 'kube-installer', application: 'app-installer', patch: 'patch' } as const;

const texts = z.array(z.string()).nullish();
const textMap = z.record(z.string(), z.string()).nullish();
const extensionSchema = z.looseObject({
  type: z.string().nullish(),
  applications: z
    .array(z.looseObject({ name: z.string(), type: z.string().nullish(), files: texts, env: textMap, cmds: texts }))
    .max(1000)
    .nullish(),
  launch: z.looseObject({ cmds: texts, app_names: texts }).nullish(),
});

/** What annotation and labels of an image say, whoever built it. Throws IMAGE_INVALID for an annotation that is none of sealer's. */
export function readExtension(manifest: Manifest, config: ImageConfig): ImageExtension {
  const text = manifest.annotations?.[extensionAnnotation];
  const labels = config.config?.Labels ?? {};
  const read = text === undefined ? undefined : parseExtension(text);
  const label = kindLabels.map((name) => labels[name]).find((value) => value !== undefined);
  return {
    kind: kindOf(read?.type ?? undefined) ?? kindOf(label),
    apps: (read?.applications ?? []).map(({ name, type, files, env, cmds }) => ({
      name: checkAppName(name),
      ...(type === 'helm' || type === 'kube' || type === 'shell' ? { type } : {}),
      files: files ?? [],
      env: env ?? {},
      cmds: cmds ?? [],
    })),
    launch: read?.launch?.app_names ?? [],
    cmds: read?.launch?.cmds ?? [],
  };
}

/** The annotation's text, in the words of sealer's schema v1alpha1. */
export function extensionText(
  extension: ImageExtension & {
    readonly labels: Readonly<Record<string, string>>;
    readonly env: Readonly<Record<string, string>>;
  },
): string {
  const { kind, apps, launch, cmds, labels, env } = extension;
  return JSON.stringify({
    buildClient: { sealerVersion: '', buildahVersion: '' },
    schemaVersion: 'v1alpha1',
    type: kind,
    applications: apps.map((app) => ({
      name: app.name,
      type: app.type,
      files: app.files,
      version: 'v1',
      ...(Object.keys(app.env).length > 0 ? { env: app.env } : {}),
      ...(app.cmds.length > 0 ? { cmds: app.cmds } : {}),
    })),
    labels,
    env,
    launch: { ...(cmds.length > 0 ? { cmds } : {}), ...(launch.length > 0 ? { app_names: launch } : {}) },
  });
}

/** The value of sealos' label for a kind. */
export function sealosType(kind: ImageKind): string {
  return sealosTypes[kind];
}

/** A kind as sealer or sealos write it; undefined for other texts. */
export function kindOf(text: string | undefined): ImageKind | undefined {
  if (text !== undefined && Object.hasOwn(sealosTypes, text)) return text as ImageKind;
  return text !== undefined && Object.hasOwn(kindOfType, text) ? kindOfType[text as keyof typeof kindOfType] : undefined;
}

/** Names of apps become directories and Helm releases. Throws IMAGE_INVALID. */
export function checkAppName(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/.test(name)) return name;
  const expected = 'expected 1 to 63 letters, digits, "-", "_" and ".", a letter or digit first';
  throw new Problem('IMAGE_INVALID', `"${name}" is not the name of an app; ${expected}`, { details: { name } });
}

function parseExtension(text: string): z.infer<typeof extensionSchema> {
  try {
    return extensionSchema.parse(JSON.parse(text));
  } catch (cause) {
    if (!(cause instanceof SyntaxError || cause instanceof z.ZodError)) throw cause;
    const why =
      cause instanceof z.ZodError ? `at "${cause.issues[0]?.path.join('.')}": ${cause.issues[0]?.message}` : cause.message;
    throw new Problem('IMAGE_INVALID', `the annotation ${extensionAnnotation} cannot be read: ${why}`, { cause });
  }
}
