import type { Step } from '@seal/plan';
import * as z from 'zod';

const env = z.record(z.string(), z.string());
const content = z.union([
  z.strictObject({ text: z.string() }),
  z.strictObject({ base64: z.base64() }),
  z.strictObject({ secret: z.string().min(1) }),
  z.strictObject({ template: z.string(), secrets: z.record(z.string().min(1), z.string().min(1)) }),
]);
const layer = z.strictObject({
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  mediaType: z.string(),
  sizeBytes: z.number().int().min(0),
});
const absolutePath = z.string().startsWith('/');
const relativePath = z.string().regex(/^(?!\.{1,2}(\/|$))[^/\0]+(\/(?!\.{1,2}(\/|$))[^/\0]+)*$/);
const argv = z.array(z.string()).min(1);

/** Shape of the args of every kind of step: what an agent accepts from the wire. Unknown fields are refused. */
export const argsByKind = {
  'fetch-layers': z.strictObject({ image: z.string(), layers: z.array(layer) }),
  'mount-rootfs': z.strictObject({ mountPoint: absolutePath, layers: z.array(layer), env }),
  'lay-over': z.strictObject({
    rootfs: absolutePath,
    base: z.array(layer),
    over: z.array(layer),
    removed: z.array(layer),
    env,
  }),
  'render-templates': z.strictObject({ rootfs: absolutePath, directories: z.array(relativePath), env }),
  'unmount-rootfs': z.strictObject({ mountPoint: absolutePath }),
  'write-files': z.strictObject({
    files: z.array(z.strictObject({ path: absolutePath, mode: z.string().regex(/^0?[0-7]{3,4}$/), content })),
  }),
  'remove-paths': z.strictObject({ paths: z.array(absolutePath) }),
  'host-aliases': z.strictObject({
    block: z.string().min(1),
    entries: z.array(z.strictObject({ ip: z.string(), names: z.array(z.string()) })),
  }),
  'run-script': z.strictObject({
    rootfs: absolutePath,
    script: z.string().min(1),
    args: z.array(z.string()),
    env,
    optional: z.boolean(),
  }),
  'run-command': z.strictObject({
    argv,
    env,
    cwd: absolutePath.optional(),
    stdin: content.optional(),
    okExitCodes: z.array(z.number().int()).optional(),
  }),
  'wait-for': z.strictObject({
    what: z.string(),
    argv,
    env,
    intervalSeconds: z.number().positive(),
    expect: z.string().optional(),
  }),
  'manage-unit': z.strictObject({ unit: z.string().min(1), action: z.enum(['start', 'restart', 'stop']) }),
} satisfies { [K in Step['kind']]: z.ZodType<Extract<Step, { kind: K }>['args']> };

export const record = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('member-joining'), nodeId: z.string(), ip: z.string(), role: z.enum(['master', 'worker']) }),
  z.strictObject({ kind: z.literal('member-ready'), nodeId: z.string() }),
  z.strictObject({ kind: z.literal('member-removed'), nodeId: z.string() }),
  z.strictObject({ kind: z.literal('cluster-ready') }),
  z.strictObject({ kind: z.literal('cluster-removed') }),
  z.strictObject({ kind: z.literal('app-installed'), name: z.string() }),
  z.strictObject({ kind: z.literal('app-removed'), name: z.string() }),
]);
export const effect = z.enum(['idempotent', 'guarded', 'irreversible']);
export const probe = z.strictObject({ argv, env });
