import semver from 'semver';

/**
 * Whether a constraint of KUBEVERSION, such as ">=1.20, <1.24", "1.20.x || 1.22.x" or "1.18 - 1.20", takes a Kubernetes version ("v1.20.2").
 * Blanks and commas join conditions. Undefined where the constraint, or the version, cannot be read. A pre-release counts as its release.
 */
export function kubeVersionFits(constraint: string, version: string): boolean | undefined {
  const range = readConstraint(constraint);
  const coerced = semver.coerce(version);
  return range && coerced ? range.test(coerced) : undefined;
}

/** Whether KUBEVERSION understands a constraint. */
export function isKubeVersionConstraint(constraint: string): boolean {
  return readConstraint(constraint) !== undefined;
}

function readConstraint(constraint: string): semver.Range | undefined {
  const text = constraint.replaceAll(',', ' ').trim();
  if (text === '' || semver.validRange(text) === null) return undefined;
  return new semver.Range(text);
}
