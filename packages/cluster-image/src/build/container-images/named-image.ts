import { Problem } from '@seal/foundation';
import { type ImageReference, parseReference } from '../../reference/parse-reference.ts';

/** A container image with the place that names it. */
export interface NamedImage {
  readonly reference: ImageReference;
  readonly file: string;
  readonly line: number;
}

/**
 * Reads a container image's name as container runtimes do: without registry it is docker.io's, without a folder there library's.
 * Throws BUILD_INPUT_INVALID with file and line.
 */
export function namedImage(written: string, file: string, line: number): NamedImage {
  try {
    return { reference: parseContainerReference(written), file, line };
  } catch (cause) {
    if (!(cause instanceof Problem)) throw cause;
    throw new Problem('BUILD_INPUT_INVALID', `${file}:${line}: ${cause.message}`, { cause, details: { file, line } });
  }
}

function parseContainerReference(written: string): ImageReference {
  const [first = ''] = written.split('/');
  const hasRegistry = written.includes('/') && (/[.:]/.test(first) || first === 'localhost');
  if (hasRegistry) return parseReference(written);
  return parseReference(`docker.io/${written.includes('/') ? '' : 'library/'}${written}`);
}
