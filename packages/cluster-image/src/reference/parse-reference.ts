import { Problem } from '@seal/foundation';

/** An image reference in full: every part that was left out has its default. */
export interface ImageReference {
  /** `localhost` where none was written. With port: `registry.example:5000`. */
  readonly registry: string;
  /** Lower case path: `kubernetes`, `library/app`. */
  readonly repository: string;
  /** Absent only where a digest was written without a tag. */
  readonly tag?: string;
  readonly digest?: `sha256:${string}`;
  /** The normalised text: `localhost/kubernetes:1.20.2`. */
  readonly text: string;
}

const repositoryPart = /^[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*$/;
const registryHost =
  /^(?:\[[0-9a-fA-F:]+\]|[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*)(?::([0-9]{1,5}))?$/;
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const digestPattern = /^sha256:[0-9a-f]{64}$/;
const maximumLength = 255;

/**
 * Reads `[REGISTRY[:PORT]/]NAME[:TAG][@sha256:…]` as Docker and containers/image do: the first part is a registry when it has a dot or a
 * port, or is `localhost`. Without registry: `localhost`. Without tag and digest: `latest`. Throws IMAGE_REFERENCE_INVALID.
 */
export function parseReference(written: string): ImageReference {
  const [named, digest, ...more] = written.split('@');
  if (more.length > 0) throw invalid(written, 'it has more than one "@"');
  if (digest !== undefined && !digestPattern.test(digest))
    throw invalid(written, `the digest "${digest}" is not "sha256:" and 64 hex digits`);
  const { name, tag } = splitTag(written, named ?? '');
  const { registry, repository } = splitRegistry(written, name);
  for (const part of repository.split('/')) checkRepositoryPart(written, part);
  if (registry.length + repository.length + 1 > maximumLength)
    throw invalid(written, `registry and name have more than ${maximumLength} characters`);
  const effectiveTag = tag ?? (digest === undefined ? 'latest' : undefined);
  const text = `${registry}/${repository}${effectiveTag ? `:${effectiveTag}` : ''}${digest ? `@${digest}` : ''}`;
  return {
    registry,
    repository,
    ...(effectiveTag ? { tag: effectiveTag } : {}),
    ...(digest ? { digest: digest as `sha256:${string}` } : {}),
    text,
  };
}

function splitTag(written: string, named: string): { name: string; tag: string | undefined } {
  const colon = named.lastIndexOf(':');
  if (colon <= named.lastIndexOf('/')) return { name: named, tag: undefined };
  const tag = named.slice(colon + 1);
  if (!tagPattern.test(tag)) {
    throw invalid(written, `the tag "${tag}" is not 1 to 128 of letters, digits, "_", "." and "-", beginning with none of ".-"`);
  }
  return { name: named.slice(0, colon), tag };
}

function splitRegistry(written: string, name: string): { registry: string; repository: string } {
  const slash = name.indexOf('/');
  const first = slash === -1 ? '' : name.slice(0, slash);
  if (!(first.includes('.') || first.includes(':') || first === 'localhost' || first.startsWith('[')))
    return { registry: 'localhost', repository: name };
  const match = registryHost.exec(first);
  if (!match || (match[1] !== undefined && (Number(match[1]) < 1 || Number(match[1]) > 65_535)))
    throw invalid(written, `"${first}" is not a registry host with an optional port from 1 to 65535`);
  return { registry: first, repository: name.slice(slash + 1) };
}

function checkRepositoryPart(written: string, part: string): void {
  if (repositoryPart.test(part)) return;
  if (part === '') throw invalid(written, 'a part of its name is empty');
  if (/[A-Z]/.test(part)) throw invalid(written, `"${part}" has capital letters; names are lower case`);
  throw invalid(written, `"${part}" is not lower case letters and digits, joined by ".", "_", "__" or "-"`);
}

function invalid(written: string, why: string): Problem {
  return new Problem('IMAGE_REFERENCE_INVALID', `image reference "${written}" is not valid: ${why}`, {
    details: { reference: written },
  });
}
