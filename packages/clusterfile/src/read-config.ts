import type { Node, YAMLMap } from 'yaml';
import type { ConfigFile } from './cluster.ts';
import type { ClusterfileReader } from './clusterfile-reader.ts';
import { type ConfigProcess, configProcesses, processConfig, yamlMapping } from './process-config.ts';
import { accepted, readMetadata } from './read-sealer-cluster.ts';

/** A `Config` document: a file over the rootfs, or over the directory of an app. */
export function readConfig(reader: ClusterfileReader, map: YAMLMap): ConfigFile | undefined {
  let config: ConfigFile | undefined;
  reader.fields(map, 'a Config document', {
    apiVersion: accepted,
    kind: accepted,
    metadata: (node) => readMetadata(reader, node),
    spec: (spec) => {
      config = readSpec(reader, spec);
    },
    status: accepted,
  });
  if (!map.has('spec')) reader.wrong(map, 'a Config document without "spec"');
  return config;
}

function readSpec(reader: ClusterfileReader, spec: Node | null): ConfigFile | undefined {
  let [path, data, app]: (string | undefined)[] = [];
  let dataNode: Node | null = null;
  let strategy: 'overwrite' | 'merge' = 'overwrite';
  let processes: ConfigProcess[] = [];
  reader.fields(spec, 'spec', {
    path: (value) => {
      path = readRelativePath(reader, value, 'spec.path');
    },
    data: (value) => {
      data = reader.text(value, 'spec.data');
      dataNode = value;
    },
    strategy: (value) => {
      strategy = readStrategy(reader, value, 'spec.strategy');
    },
    process: (value) => {
      processes = readProcesses(reader, value);
    },
    appName: (value) => {
      app = reader.text(value, 'spec.appName');
    },
  });
  if (path === undefined && reader.findings.length === 0) reader.wrong(spec, 'spec of a Config without "path"');
  if (data === undefined && reader.findings.length === 0) reader.wrong(spec, 'spec of a Config without "data"');
  if (path === undefined || data === undefined) return undefined;
  const result = processed(reader, dataNode, data, processes);
  const mapped = processes.includes('toSecret') ? 'secret' : strategy;
  if (mapped !== 'overwrite') checkMapping(reader, dataNode, result, mapped);
  return { path, data: result, strategy: mapped, ...(app ? { app } : {}) };
}

/** "overwrite" (sealos calls it "override") or "merge". */
export function readStrategy(reader: ClusterfileReader, value: Node | null, what: string): 'overwrite' | 'merge' {
  const text = reader.text(value, what);
  if (text === 'merge') return 'merge';
  if (text !== undefined && text !== '' && text !== 'overwrite' && text !== 'override')
    reader.wrong(value, `strategy "${text}" is unknown; expected overwrite or merge`);
  return 'overwrite';
}

/** A path that stays inside of what it is relative to; a leading "/" means nothing. */
export function readRelativePath(reader: ClusterfileReader, value: Node | null, what: string): string | undefined {
  const text = reader.text(value, what);
  if (text === undefined) return undefined;
  const parts = text.split('/').filter((part) => part !== '' && part !== '.');
  // The control characters are the point: such names have no place in an error, a log or a shell.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: see above
  if (parts.length > 0 && !parts.includes('..') && !/[\0-\x1f\x7f]/.test(text) && !text.endsWith('/')) return parts.join('/');
  return reader.wrong(value, `"${text}" is no path of a file below the rootfs, such as etc/values.yaml`);
}

/** The data of a strategy that lays values into a file must be a mapping. */
export function checkMapping(reader: ClusterfileReader, place: Node | null, data: string, strategy: string): void {
  try {
    yamlMapping(data);
  } catch (error) {
    reader.wrong(place, `${(error as Error).message}; ${strategy === 'secret' ? 'toSecret' : 'the strategy merge'} needs one`);
  }
}

function readProcesses(reader: ClusterfileReader, value: Node | null): ConfigProcess[] {
  const names = (reader.text(value, 'spec.process') ?? '').split('|').map((name) => name.trim());
  return names
    .filter((name) => name !== '')
    .flatMap((name) => {
      const found = configProcesses.find((known) => known.toLowerCase() === name.toLowerCase());
      if (!found) reader.wrong(value, `process "${name}" is unknown; expected ${configProcesses.join(', ')}, joined by "|"`);
      return found ? [found] : [];
    });
}

function processed(reader: ClusterfileReader, place: Node | null, data: string, processes: readonly ConfigProcess[]): string {
  try {
    return processConfig(data, processes);
  } catch (error) {
    reader.wrong(place, `${processes.join('|')} cannot be done: ${(error as Error).message}`);
    return data;
  }
}
