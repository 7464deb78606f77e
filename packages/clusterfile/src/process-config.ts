import { isAlias, parseDocument, stringify, visit } from 'yaml';
import { isTree } from './kubeadm-documents.ts';

/** What `spec.process` of a Config may name, as sealer has it. */
export const configProcesses = ['value', 'toJson', 'toBase64', 'toSecret'] as const;
export type ConfigProcess = (typeof configProcesses)[number];

/**
 * The data of a Config after its processes, in their order: `toJson` turns YAML into JSON, `toBase64` encodes; behind `value` they do so to each
 * value of the mapping, which stays YAML. `toSecret` changes nothing here: it says what becomes of the data where it is laid.
 * Throws an Error with the cause where the data is no YAML or, behind `value`, no mapping.
 */
export function processConfig(data: string, processes: readonly ConfigProcess[]): string {
  let text = data;
  let each = false;
  for (const process of processes) {
    if (process === 'value') each = true;
    else if (process !== 'toSecret') text = each ? eachValue(text, process) : whole(text, process);
  }
  return text;
}

/** The mapping that `text` is. Throws an Error where it is something else. */
export function yamlMapping(text: string): Readonly<Record<string, unknown>> {
  const value = yamlValue(text);
  if (!isTree(value)) throw new Error('the data is no YAML mapping (name: value)');
  return value;
}

function whole(text: string, process: 'toJson' | 'toBase64'): string {
  return process === 'toBase64' ? Buffer.from(text).toString('base64') : JSON.stringify(yamlValue(text));
}

function eachValue(text: string, process: 'toJson' | 'toBase64'): string {
  const convert = (value: unknown) => {
    if (process === 'toJson') return JSON.stringify(value);
    return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64');
  };
  const entries = Object.entries(yamlMapping(text)).map(([name, value]) => [name, convert(value)]);
  return stringify(Object.fromEntries(entries), { lineWidth: 0 });
}

function yamlValue(text: string): unknown {
  const document = parseDocument(text, { prettyErrors: false });
  const [error] = document.errors;
  if (error) throw new Error(`the data is no YAML: ${error.message}`);
  visit(document, (_key, node) => {
    if (isAlias(node)) throw new Error(`the data uses the alias *${node.source}, which a Config may not`);
  });
  return document.toJS() as unknown;
}
