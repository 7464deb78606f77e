import type { Node, YAMLMap } from 'yaml';
import type { AppConfig, AppsWanted, ConfigFile } from './cluster.ts';
import type { ClusterfileReader } from './clusterfile-reader.ts';
import { checkMapping, readRelativePath, readStrategy } from './read-config.ts';
import { accepted, readMetadata } from './read-sealer-cluster.ts';

export interface ReadApplication extends Required<AppsWanted> {
  /** Shell lines instead of everything that images launch. */
  readonly cmds: readonly string[];
}

/** An `Application` document of sealer: which apps are launched, and what is different about them here. */
export function readApplication(reader: ClusterfileReader, map: YAMLMap): ReadApplication {
  let [cmds, launchApps]: (readonly string[])[] = [[], []];
  const apps: AppConfig[] = [];
  const configs: ConfigFile[] = [];
  reader.fields(map, 'an Application document', {
    apiVersion: accepted,
    kind: accepted,
    metadata: (node) => readMetadata(reader, node),
    spec: (spec) =>
      reader.fields(spec, 'spec', {
        cmds: (value) => {
          cmds = texts(reader, value, 'spec.cmds');
        },
        launchApps: (value) => {
          launchApps = texts(reader, value, 'spec.launchApps');
        },
        configs: (value) => {
          for (const [index, item] of reader.list(value, 'spec.configs').entries()) {
            const read = readAppConfig(reader, item, `spec.configs[${index}]`);
            if (apps.some((app) => app.name === read.app.name))
              reader.wrong(item, `app "${read.app.name}" has a second entry in spec.configs`);
            apps.push(read.app);
            configs.push(...read.files);
          }
        },
      }),
    status: accepted,
  });
  return { cmds: cmds ?? [], launchApps: launchApps ?? [], apps, configs };
}

function readAppConfig(reader: ClusterfileReader, item: Node, what: string): { app: AppConfig; files: ConfigFile[] } {
  let name = '';
  let app: Omit<AppConfig, 'name'> = { env: {}, launch: [], uninstall: [] };
  let fileNodes: Node[] = [];
  const cmdsOf = (value: Node | null, part: string): readonly string[] => {
    let cmds: readonly string[] = [];
    reader.fields(value, part, {
      cmds: (node) => {
        cmds = texts(reader, node, `${part}.cmds`);
      },
    });
    return cmds;
  };
  reader.fields(item, what, {
    name: (value) => {
      name = reader.text(value, `${what}.name`) ?? '';
    },
    env: (value) => {
      app = { ...app, env: reader.env(value, `${what}.env`) };
    },
    files: (value) => {
      fileNodes = reader.list(value, `${what}.files`);
    },
    launch: (value) => {
      app = { ...app, launch: cmdsOf(value, `${what}.launch`) };
    },
    delete: (value) => {
      app = { ...app, uninstall: cmdsOf(value, `${what}.delete`) };
    },
  });
  if (name === '') reader.wrong(item, `${what} names no app`);
  const files = fileNodes.flatMap((node, index) => readFile(reader, node, `${what}.files[${index}]`, name));
  return { app: { name, ...app }, files };
}

function readFile(reader: ClusterfileReader, node: Node, what: string, app: string): ConfigFile[] {
  let [path, data]: (string | undefined)[] = [];
  let place: Node | null = node;
  let strategy = 'overwrite' as ConfigFile['strategy'];
  reader.fields(node, what, {
    path: (value) => {
      path = readRelativePath(reader, value, `${what}.path`);
    },
    strategy: (value) => {
      strategy = readStrategy(reader, value, `${what}.strategy`);
    },
    data: (value) => {
      data = reader.text(value, `${what}.data`);
      place = value;
    },
  });
  if (path === undefined || data === undefined) {
    if (reader.findings.length === 0) reader.wrong(node, `${what} needs "path" and "data"`);
    return [];
  }
  if (strategy === 'merge') checkMapping(reader, place, data, strategy);
  return [{ path, data, strategy, app }];
}

function texts(reader: ClusterfileReader, value: Node | null, what: string): string[] {
  return reader.texts(value, what).map(({ text }) => text);
}
