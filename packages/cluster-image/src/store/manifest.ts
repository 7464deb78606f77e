import { Problem } from '@seal/foundation';
import * as z from 'zod';
import { layerCompression, mediaTypes } from './media-types.ts';

/** More layers than this are refused: nobody makes them, and each costs a directory and a mount on every node. */
export const maximumLayers = 500;
/** An index of more images is refused: each costs a manifest in memory, and nobody has so many platforms. */
export const maximumPlatforms = 100;
/** Manifests, configs and indexes above this many bytes are refused before they are read. */
export const maximumJsonBytes = 4 * 1024 * 1024;

const digestSchema = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'expected "sha256:" and 64 hex digits');
const annotationsSchema = z.record(z.string(), z.string()).optional();

export const descriptorSchema = z.object({
  mediaType: z.string().min(1),
  digest: digestSchema,
  size: z.number().int().nonnegative(),
  annotations: annotationsSchema,
  platform: z.object({ os: z.string(), architecture: z.string(), variant: z.string().optional() }).optional(),
});

const layerSchema = descriptorSchema.refine(
  ({ mediaType }) => layerCompression(mediaType) !== undefined,
  'expected a tar layer, plain or compressed by gzip or zstd',
);

const manifestSchema = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.enum([mediaTypes.manifest, mediaTypes.dockerManifest]).optional(),
  config: descriptorSchema,
  layers: z.array(layerSchema).max(maximumLayers),
  annotations: annotationsSchema,
});

export const indexSchema = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.enum([mediaTypes.index, mediaTypes.dockerIndex]).optional(),
  manifests: z.array(descriptorSchema).max(100_000),
  annotations: annotationsSchema,
});

const configSchema = z.looseObject({
  architecture: z.string().min(1),
  os: z.string().min(1),
  created: z.string().optional(),
  author: z.string().optional(),
  config: z
    .looseObject({
      Env: z.array(z.string()).nullish(),
      Entrypoint: z.array(z.string()).nullish(),
      Cmd: z.array(z.string()).nullish(),
      Labels: z.record(z.string(), z.string()).nullish(),
    })
    .nullish(),
  rootfs: z.object({ type: z.literal('layers'), diff_ids: z.array(digestSchema) }),
  history: z.array(z.looseObject({ created_by: z.string().optional(), empty_layer: z.boolean().optional() })).nullish(),
});

export type Descriptor = z.infer<typeof descriptorSchema>;
export type Manifest = z.infer<typeof manifestSchema>;
export type ImageIndex = z.infer<typeof indexSchema>;
export type ImageConfig = z.infer<typeof configSchema>;

/** Reads an image manifest (OCI or Docker schema 2) of any origin. Throws IMAGE_INVALID that names `what`. */
export function parseManifest(json: string | Uint8Array, what: string): Manifest {
  return parseJson(manifestSchema, json, what);
}

/** Reads an image index of any origin. Throws IMAGE_INVALID that names `what`. */
export function parseIndex(json: string | Uint8Array, what: string): ImageIndex {
  return parseJson(indexSchema, json, what);
}

/** Reads an image config of any origin. Throws IMAGE_INVALID that names `what`. */
export function parseConfig(json: string | Uint8Array, what: string): ImageConfig {
  return parseJson(configSchema, json, what);
}

function parseJson<T>(schema: z.ZodType<T>, json: string | Uint8Array, what: string): T {
  const text = typeof json === 'string' ? json : Buffer.from(json).toString('utf8');
  if (text.length > maximumJsonBytes)
    throw new Problem('IMAGE_INVALID', `${what} has ${text.length} bytes (limit ${maximumJsonBytes})`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Problem('IMAGE_INVALID', `${what} is not JSON: ${(cause as Error).message}`, { cause });
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new Problem('IMAGE_INVALID', `${what} is not valid at "${issue?.path.join('.') || '(top)'}": ${issue?.message}`);
}
