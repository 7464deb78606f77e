import { Problem } from '@seal/foundation';
import { isAlias, isMap, isScalar, isSeq, type LineCounter, type Node, type YAMLMap } from 'yaml';
import { nearestName } from './nearest-name.ts';

export interface Finding {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** What to do with the value of each field that a mapping may have. */
export type Fields = Readonly<Record<string, (value: Node | null) => void>>;

/**
 * Reads a parsed YAML tree strictly and collects everything that is wrong with it, with positions; nothing throws before `finish`.
 * Readers give undefined where the value was wrong, so that reading can go on and find the next mistake.
 */
export class ClusterfileReader {
  readonly findings: Finding[] = [];
  readonly warnings: string[] = [];
  readonly #fileName: string;
  readonly #lines: LineCounter;

  constructor(fileName: string, lines: LineCounter) {
    this.#fileName = fileName;
    this.#lines = lines;
  }

  /** Notes a mistake at `place`: a node, or an offset into the text. */
  wrong(place: Node | number | null | undefined, message: string): undefined {
    const offset = typeof place === 'number' ? place : (place?.range?.[0] ?? 0);
    const { line, col } = this.#lines.linePos(offset);
    this.findings.push({ line: Math.max(1, line), column: Math.max(1, col), message });
  }

  warn(place: Node | null, message: string): void {
    this.warnings.push(`${this.#fileName}:${this.#lines.linePos(place?.range?.[0] ?? 0).line}: ${message}`);
  }

  /** Hands every field of a mapping to its reader; a field without one is a mistake that names the nearest. */
  fields(value: Node | null, what: string, readers: Fields): void {
    const map = this.map(value, what);
    if (!map) return;
    const names = Object.keys(readers);
    for (const { key, value: item } of map.items) {
      const name = isScalar(key) ? String(key.value) : '';
      if (Object.hasOwn(readers, name)) {
        readers[name]!(item as Node | null);
        continue;
      }
      const nearest = nearestName(name, names);
      const hint = nearest ? `; did you mean "${nearest}"?` : `; expected one of ${names.join(', ')}`;
      this.wrong(key as Node, `unknown field "${name}" of ${what}${hint}`);
    }
  }

  map(value: Node | null, what: string): YAMLMap | undefined {
    if (isMap(value)) return value as YAMLMap;
    return this.wrong(value, `${what} must be a mapping (name: value), ${found(value)}`);
  }

  /** A text. A number or boolean is a mistake: YAML would have changed how it is written (1.20 is the number 1.2). */
  text(value: Node | null, what: string): string | undefined {
    if (isScalar(value) && typeof value.value === 'string') return value.value;
    const hint = isScalar(value) && value.value !== null ? '; put it in quotes' : '';
    return this.wrong(value, `${what} must be text, ${found(value)}${hint}`);
  }

  integer(value: Node | null, what: string, low: number, high: number): number | undefined {
    if (isScalar(value) && Number.isInteger(value.value) && (value.value as number) >= low && (value.value as number) <= high)
      return value.value as number;
    return this.wrong(value, `${what} must be a whole number from ${low} to ${high}, ${found(value)}`);
  }

  boolean(value: Node | null, what: string): boolean | undefined {
    if (isScalar(value) && typeof value.value === 'boolean') return value.value;
    return this.wrong(value, `${what} must be true or false, ${found(value)}`);
  }

  /** The items of a list; an empty value is an empty list. */
  list(value: Node | null, what: string): Node[] {
    if (isSeq(value)) return value.items as Node[];
    if (value === null || (isScalar(value) && value.value === null)) return [];
    this.wrong(value, `${what} must be a list, ${found(value)}`);
    return [];
  }

  texts(value: Node | null, what: string): { readonly node: Node; readonly text: string }[] {
    return this.list(value, what).flatMap((node) => {
      const text = this.text(node, `an entry of ${what}`);
      return text === undefined ? [] : [{ node, text }];
    });
  }

  /** A list of `K=V`. */
  env(value: Node | null, what: string): Record<string, string> {
    const env: Record<string, string> = {};
    for (const { node, text } of this.texts(value, what)) {
      const match = /^([A-Za-z_][A-Za-z0-9_]*)=([^\0]*)$/s.exec(text);
      if (match) env[match[1]!] = match[2]!;
      else this.wrong(node, `"${text}" in ${what} is no environment variable; expected NAME=VALUE`);
    }
    return env;
  }

  /** Throws all findings as one Problem, in the order of lines. */
  finish(): void {
    if (this.findings.length === 0) return;
    const sorted = this.findings.toSorted((a, b) => a.line - b.line || a.column - b.column);
    const lines = sorted.map((finding) => `${this.#fileName}:${finding.line}:${finding.column}: ${finding.message}`);
    throw new Problem('CLUSTERFILE_INVALID', lines.join('\n'), { details: { file: this.#fileName, findings: sorted } });
  }
}

function found(value: Node | null): string {
  if (value === null || (isScalar(value) && value.value === null)) return 'found nothing';
  if (isScalar(value))
    return `found ${typeof value.value === 'string' ? 'text' : typeof value.value} ${JSON.stringify(value.value)}`;
  if (isAlias(value)) return `found the alias *${value.source}, which Clusterfiles may not use here`;
  return isMap(value) ? 'found a mapping' : 'found a list';
}
