import { Problem } from '@seal/foundation';
import { type ImageReference, parseReference } from '../reference/parse-reference.ts';

/** A reference as a registry knows it. */
export interface RegistryReference extends ImageReference {
  /** Repository in the paths of the registry: `library/nginx` for docker.io/nginx. */
  readonly path: string;
}

/** Reads a reference that must name its registry. Throws IMAGE_REFERENCE_INVALID. */
export function parseRegistryReference(written: string): RegistryReference {
  const reference = parseReference(written);
  if (reference.registry === 'localhost')
    throw new Problem('IMAGE_REFERENCE_INVALID', `image reference "${written}" names no registry`, {
      remedy: `Write the registry before it: "docker.io/library/${reference.repository}", "registry.example:5000/${reference.repository}"; a registry on this machine is localhost:PORT.`,
      details: { reference: written },
    });
  const isOfficial = reference.registry === 'docker.io' && !reference.repository.includes('/');
  return { ...reference, path: isOfficial ? `library/${reference.repository}` : reference.repository };
}
