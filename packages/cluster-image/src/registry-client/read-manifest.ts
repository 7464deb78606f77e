import { Problem, sha256Digest } from '@seal/foundation';
import { type ImageIndex, type Manifest, maximumJsonBytes, parseIndex, parseManifest } from '../store/manifest.ts';
import { indexTypes, mediaTypes } from '../store/media-types.ts';
import { readBody } from './read-body.ts';
import type { RegistryConnection } from './registry-connection.ts';
import { unreachableProblem } from './registry-problem.ts';
import { isTransient, throwIfAborted, waitBeforeRetry } from './retry-policy.ts';

interface FetchedBytes {
  readonly digest: `sha256:${string}`;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/** The manifest of one image, with the bytes that its digest is of. */
export interface OneManifest extends FetchedBytes {
  readonly kind: 'manifest';
  readonly manifest: Manifest;
}

/** A manifest or an index, with the bytes that its digest is of. */
export type FetchedManifest = OneManifest | (FetchedBytes & { readonly kind: 'index'; readonly index: ImageIndex });

const accepted = [mediaTypes.manifest, mediaTypes.index, mediaTypes.dockerManifest, mediaTypes.dockerIndex];

/**
 * The manifest or index that a tag or digest means, verified against its digest. Throws IMAGE_NOT_FOUND, IMAGE_INVALID,
 * REGISTRY_PROTOCOL and what the connection throws.
 */
export async function readManifest(connection: RegistryConnection, path: string, tagOrDigest: string): Promise<FetchedManifest> {
  const { bytes, headers } = await fetchBytes(connection, path, tagOrDigest);
  const digest = sha256Digest(bytes) as `sha256:${string}`;
  const name = `${connection.endpoint.name}/${path}${tagOrDigest.startsWith('sha256:') ? '@' : ':'}${tagOrDigest}`;
  const announced = headers['docker-content-digest'];
  const expected = tagOrDigest.startsWith('sha256:') ? tagOrDigest : typeof announced === 'string' ? announced : digest;
  if (expected !== digest)
    throw new Problem('BLOB_DIGEST_MISMATCH', `the manifest ${name} has the digest ${digest}, expected ${expected}`, {
      details: { expected, digest },
    });
  const fields = topFields(bytes, name);
  const header =
    String(headers['content-type'] ?? '')
      .split(';')[0]
      ?.trim() ?? '';
  const mediaType = typeof fields.mediaType === 'string' ? fields.mediaType : header;
  // One text read as two things (CVE-2021-41190): what it says of itself and what the registry says of it must be one.
  if ('manifests' in fields && ('layers' in fields || 'config' in fields))
    throw new Problem('IMAGE_INVALID', `${name} is both a manifest and an index`);
  if (accepted.includes(header as (typeof accepted)[number]) && header !== mediaType)
    throw new Problem('IMAGE_INVALID', `${name} says it is "${mediaType}", the registry says "${header}"`);
  if (!accepted.includes(mediaType as (typeof accepted)[number]))
    throw new Problem(
      'IMAGE_INVALID',
      `${name} is of the kind "${mediaType}"; expected an OCI or Docker (schema 2) manifest or index`,
    );
  return indexTypes.includes(mediaType)
    ? { kind: 'index', digest, mediaType, bytes, index: parseIndex(bytes, name) }
    : { kind: 'manifest', digest, mediaType, bytes, manifest: parseManifest(bytes, name) };
}

async function fetchBytes(connection: RegistryConnection, path: string, tagOrDigest: string) {
  const { options, endpoint } = connection;
  for (let attempt = 1; ; attempt += 1) {
    const reply = await connection.request({
      method: 'GET',
      target: `/v2/${path}/manifests/${tagOrDigest}`,
      headers: { accept: accepted.join(', ') },
      scope: `repository:${path}:pull`,
      accept: [404],
    });
    if (reply.status === 404) {
      reply.body.destroy();
      throw new Problem('IMAGE_NOT_FOUND', `the registry ${endpoint.name} has no image ${path} with ${tagOrDigest}`, {
        remedy: 'Check name and tag; see in the registry which there are.',
        details: { registry: endpoint.name, repository: path, reference: tagOrDigest },
      });
    }
    try {
      return {
        bytes: await readBody(reply.body, maximumJsonBytes, `the manifest ${path} ${tagOrDigest}`),
        headers: reply.headers,
      };
    } catch (thrown) {
      throwIfAborted(options.signal);
      if (!isTransient(thrown)) throw thrown;
      if (attempt >= (options.tries ?? 5)) throw unreachableProblem(endpoint, thrown, attempt);
      await waitBeforeRetry(attempt, options);
    }
  }
}

function topFields(bytes: Buffer, name: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch (cause) {
    throw new Problem('IMAGE_INVALID', `the manifest ${name} is not JSON`, { cause });
  }
  throw new Problem('IMAGE_INVALID', `the manifest ${name} is not a JSON object`);
}
