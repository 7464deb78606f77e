import { Problem } from '@seal/foundation';
import { type ImageReference, parseReference } from '../../reference/parse-reference.ts';

/** A container image with the place that names it. */
export interface NamedImage {
  readonly reference: ImageReference;
  readonly file: string;
  /** Undefined where nobody wrote the line: of a chart, helm did. */
  readonly line?: number;
}

/** FILE:LINE, or what is known of it. */
export function placeOf({ file, line }: Pick<NamedImage, 'file' | 'line'>): string {
  return line === undefined ? file : `${file}:${line}`;
}

/**
 * Reads a container image's name as container runtimes do: without registry it is docker.io's, without a folder there library's.
 * Throws BUILD_INPUT_INVALID with file and line.
 */
export function namedImage(written: string, file: string, line?: number): NamedImage {
  const place = { file, ...(line === undefined ? {} : { line }) };
  try {
    return { reference: containerReference(written), ...place };
  } catch (cause) {
    if (!(cause instanceof Problem)) throw cause;
    throw new Problem('BUILD_INPUT_INVALID', `${placeOf(place)}: ${cause.message}`, {
      remedy: 'Write the name of a container image as [REGISTRY/]NAME[:TAG][@sha256:DIGEST].',
      details: place,
      cause,
    });
  }
}

/** The whole name of a container image. Throws IMAGE_REFERENCE_INVALID. */
export function containerReference(written: string): ImageReference {
  const [first = ''] = written.split('/');
  const hasRegistry = written.includes('/') && (/[.:]/.test(first) || first === 'localhost');
  if (hasRegistry) return parseReference(written);
  return parseReference(`docker.io/${written.includes('/') ? '' : 'library/'}${written}`);
}
