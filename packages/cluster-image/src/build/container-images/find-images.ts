import { isPair, isScalar, LineCounter, parseAllDocuments, visit } from 'yaml';
import { type NamedImage, namedImage, placeOf } from './named-image.ts';

export interface FoundImages {
  readonly images: readonly NamedImage[];
  /** What names an image and cannot be read before the cluster is made, one sentence each. */
  readonly warnings: readonly string[];
}

/** The images of a list: one name a line; empty lines and what follows `#` do not count. Throws BUILD_INPUT_INVALID. */
export function imagesOfList(text: string, file: string): NamedImage[] {
  return text.split(/\r?\n/).flatMap((line, index) => {
    const name = line.replace(/#.*/, '').trim();
    return name === '' ? [] : [namedImage(name, file, index + 1)];
  });
}

/**
 * The values of every field `image` of a manifest. A file that is no YAML (a template) is read line by line; a value with a variable in it
 * is a warning. With `hasLines` false nobody wrote the lines of the text, so they are not told. Throws BUILD_INPUT_INVALID.
 */
export function imagesOfManifest(text: string, file: string, hasLines = true): FoundImages {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
  const values = documents.some(({ errors }) => errors.length > 0) ? valuesByLine(text) : [];
  if (values.length === 0) {
    for (const document of documents) {
      visit(document, (_key, node) => {
        if (!isPair(node) || !isScalar(node.key) || node.key.value !== 'image' || !isScalar(node.value)) return;
        const { value, range } = node.value;
        if (typeof value === 'string' && value !== '') values.push({ value, line: lines.linePos(range?.[0] ?? 0).line });
      });
    }
  }
  const images: NamedImage[] = [];
  const warnings: string[] = [];
  for (const { value, line: written } of values) {
    const line = hasLines ? { line: written } : {};
    if (/[{$]/.test(value))
      warnings.push(
        `${placeOf({ file, ...line })}: the image "${value}" is not known before it is rendered; add it to imageList`,
      );
    else images.push(namedImage(value, file, line.line));
  }
  return { images, warnings };
}

function valuesByLine(text: string): { value: string; line: number }[] {
  return text.split(/\r?\n/).flatMap((each, index) => {
    const match = /^\s*(?:-\s+)?["']?image["']?:\s*(?:"([^"]+)"|'([^']+)'|(\{\{.*\}\}\S*|[^\s#"'{[|>&*]\S*))\s*(?:#.*)?$/.exec(
      each,
    );
    const value = match?.[1] ?? match?.[2] ?? match?.[3];
    return value === undefined ? [] : [{ value, line: index + 1 }];
  });
}
