import { type Document, isScalar, LineCounter, type Node, parseAllDocuments, type YAMLMap } from 'yaml';
import type { Cluster, ConfigFile } from './cluster.ts';
import { clusterDefaults } from './cluster-defaults.ts';
import { ClusterfileReader } from './clusterfile-reader.ts';
import { kubeadmKinds, mergeKubeadmDocument } from './kubeadm-documents.ts';
import { nearestName } from './nearest-name.ts';
import { type ReadApplication, readApplication } from './read-application.ts';
import { readConfig } from './read-config.ts';
import { readSealerCluster } from './read-sealer-cluster.ts';
import { readSealosCluster } from './read-sealos-cluster.ts';

export interface ParsedClusterfile {
  /** Not yet complete: hosts and image may still come from flags (`mergeFlags`). */
  readonly cluster: Cluster;
  /** What was accepted and has no effect, one sentence each with file and line. */
  readonly warnings: readonly string[];
  /** False: the file has documents of kind Application and Config alone, which are for a cluster that exists. */
  readonly hasCluster: boolean;
}

/** Bigger than any Clusterfile; a file of this size was named by mistake. */
const longestText = 1024 * 1024;
const clusterVersions = {
  'sealer.cloud/v2': readSealerCluster,
  'sealer.io/v2': readSealerCluster,
  'apps.sealos.io/v1beta1': readSealosCluster,
} as const;
const laterKinds = ['Plugin', 'KubeadmConfig'];
/** Groups in which sealer and sealos have put the kinds Application and Config; their versions mean no difference. */
const appGroups = /^(sealer\.(io|cloud|aliyun\.com)|zlink\.aliyun\.com|apps\.sealos\.io)\/v[0-9][a-z0-9]*$/;

/**
 * The Cluster that a Clusterfile asks for: one Cluster document of sealer (v2) or sealos (v1beta1), and beside it raw kubeadm documents, an
 * Application and any number of Config documents; the last two kinds may stand alone.
 * Strict: unknown fields and values of a wrong kind are errors. `fileName` appears in messages; reading it is the caller's.
 *
 * Problem: CLUSTERFILE_INVALID with every mistake of the file, one `file:line:column: …` per line, and `details.findings`.
 */
export function parseClusterfile(text: string, fileName: string): ParsedClusterfile {
  const lines = new LineCounter();
  const reader = new ClusterfileReader(fileName, lines);
  if (text.length > longestText) {
    reader.wrong(0, `the file has ${text.length} characters (limit ${longestText})`);
    reader.finish();
  }
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false }) as Document.Parsed[];
  for (const document of documents) for (const error of document.errors) reader.wrong(error.pos[0], error.message);
  reader.finish();

  let cluster: Cluster | undefined;
  let kubeadm: Cluster['kubeadm'] = {};
  let application: ReadApplication | undefined;
  const configs: ConfigFile[] = [];
  for (const document of documents.filter((item) => !isEmpty(item.contents))) {
    const map = reader.map(document.contents as Node, 'a document');
    if (!map) continue;
    const kind = header(reader, map, 'kind');
    const version = header(reader, map, 'apiVersion');
    if (kind === undefined || version === undefined) continue;
    if (kind === 'Cluster') {
      if (cluster) reader.wrong(map, 'a second Cluster document; expected one per file');
      else cluster = readCluster(reader, map, version);
    } else if ((kubeadmKinds as readonly string[]).includes(kind)) kubeadm = mergeKubeadmDocument(reader, document, kubeadm);
    else if ((kind === 'Config' || kind === 'Application') && isOfApps(reader, map, kind, version)) {
      if (kind === 'Config') configs.push(...[readConfig(reader, map)].filter((config) => config !== undefined));
      else if (application) reader.wrong(map, 'a second Application document; expected one per file');
      else application = readApplication(reader, map);
    } else if (kind !== 'Config' && kind !== 'Application') refuseKind(reader, map, kind);
  }
  const aboutApps = application !== undefined || configs.length > 0;
  if (!cluster && !aboutApps && reader.findings.length === 0) reader.wrong(0, 'no document of kind Cluster');
  reader.finish();
  const whole = withApps({ ...(cluster ?? clusterDefaults), kubeadm }, application, configs);
  return { cluster: whole, warnings: reader.warnings, hasCluster: cluster !== undefined };
}

/** What the Application says stands over what the Cluster document says of the same. */
function withApps(cluster: Cluster, application: ReadApplication | undefined, configs: readonly ConfigFile[]): Cluster {
  const all = [...configs, ...(application?.configs ?? [])];
  return {
    ...cluster,
    ...(application && application.cmds.length > 0 ? { cmds: application.cmds } : {}),
    ...(application && application.launchApps.length > 0 ? { launchApps: application.launchApps } : {}),
    ...(application && application.apps.length > 0 ? { apps: application.apps } : {}),
    ...(all.length > 0 ? { configs: all } : {}),
  };
}

function isOfApps(reader: ClusterfileReader, map: YAMLMap, kind: string, version: string): boolean {
  if (appGroups.test(version)) return true;
  const expected = 'expected one of sealer (sealer.io/v1, sealer.cloud/v2, ...) or sealos (apps.sealos.io/v1beta1)';
  reader.wrong(map.get('apiVersion', true) as Node, `apiVersion "${version}" of kind ${kind} is unknown; ${expected}`);
  return false;
}

function isEmpty(contents: unknown): boolean {
  return contents === null || contents === undefined || (isScalar(contents) && contents.value === null);
}

function header(reader: ClusterfileReader, map: YAMLMap, name: string): string | undefined {
  if (!map.has(name)) return reader.wrong(map, `a document without "${name}"`);
  return reader.text(map.get(name, true) as Node, name);
}

function readCluster(reader: ClusterfileReader, map: YAMLMap, version: string): Cluster | undefined {
  if (Object.hasOwn(clusterVersions, version)) return clusterVersions[version as keyof typeof clusterVersions](reader, map);
  const names = Object.keys(clusterVersions).join(', ');
  return reader.wrong(
    map.get('apiVersion', true) as Node,
    `apiVersion "${version}" of kind Cluster is unknown; expected one of ${names}`,
  );
}

function refuseKind(reader: ClusterfileReader, map: YAMLMap, kind: string): void {
  const place = map.get('kind', true) as Node;
  if (laterKinds.includes(kind)) {
    const instead =
      kind === 'KubeadmConfig' ? ' Write its parts as documents of kind ClusterConfiguration, InitConfiguration, ….' : '';
    reader.wrong(place, `documents of kind ${kind} are not supported yet by this version.${instead}`);
    return;
  }
  const names = ['Cluster', 'Application', 'Config', ...kubeadmKinds];
  const nearest = nearestName(kind, [...names, ...laterKinds]);
  reader.wrong(
    place,
    `kind "${kind}" is unknown; ${nearest ? `did you mean "${nearest}"?` : `expected one of ${names.join(', ')}`}`,
  );
}
