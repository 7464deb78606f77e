import { type ConfigFile, isTree, mergeTrees, yamlMapping } from '@seal/clusterfile';
import { Problem } from '@seal/foundation';
import { Document, parseAllDocuments } from 'yaml';
import type { ImageFacts } from '../cluster-facts.ts';
import { imageName } from './arrange-images.ts';

/** A file that lies over an image, with its text. */
export interface LaidText {
  /** Reference of the image of apps; '' for the rootfs. */
  readonly image: string;
  readonly path: string;
  readonly text: string;
}

/** Where the files of configs go: image ('' for the rootfs) and path. Those without an app go over the rootfs, or without one over every image. */
export function placesOfConfigs(
  configs: readonly ConfigFile[],
  rootfs: ImageFacts | undefined,
  images: readonly ImageFacts[],
): { readonly config: ConfigFile; readonly facts: ImageFacts; readonly image: string; readonly path: string }[] {
  const all = [...(rootfs ? [{ facts: rootfs, image: '' }] : []), ...images.map((facts) => ({ facts, image: facts.reference }))];
  return configs.flatMap((config) => {
    const { app, path } = config;
    if (app === undefined) return (rootfs ? all.slice(0, 1) : all).map((place) => ({ config, ...place, path }));
    const owner = all.find(({ facts }) => facts.apps?.some((each) => each.name === app));
    if (owner) return [{ config, ...owner, path: `application/apps/${app}/${path}` }];
    const whole = all.find(({ facts, image }) => image !== '' && imageName(facts.reference) === app);
    return whole ? [{ config, ...whole, path }] : [];
  });
}

/**
 * The texts of the files that configs lay over images; `textOf` gives what an image has at a path. A later config of a place works on what the
 * one before made. Problem: CONFIG_MERGE_FAILED (nothing to merge into, or no YAML there).
 */
export function layConfigs(
  places: ReturnType<typeof placesOfConfigs>,
  textOf: (facts: ImageFacts, path: string) => string | undefined,
): LaidText[] {
  const texts = new Map<string, LaidText>();
  for (const { config, facts, image, path } of places) {
    const key = `${image}\n${path}`;
    const below = () => texts.get(key)?.text ?? textOf(facts, path) ?? missing(config, facts, path);
    const text = config.strategy === 'overwrite' ? config.data : inContext(config, facts, path, () => combined(config, below()));
    texts.set(key, { image, path, text });
  }
  return [...texts.values()];
}

function combined({ strategy, data }: ConfigFile, below: string): string {
  const over = strategy === 'secret' ? { data: encoded(yamlMapping(data)) } : yamlMapping(data);
  const documents = parseAllDocuments(below, { prettyErrors: true }) as Document.Parsed[];
  return documents
    .flatMap((document) => {
      const [error] = document.errors;
      if (error) throw new Error(error.message);
      const tree: unknown = document.toJS({ maxAliasCount: 100 });
      if (tree === null) return [];
      if (!isTree(tree)) throw new Error('a document there is no mapping');
      return [new Document(mergeTrees(tree, over), { aliasDuplicateObjects: false }).toString({ lineWidth: 0 })];
    })
    .join('---\n');
}

function encoded(values: Readonly<Record<string, unknown>>): Record<string, string> {
  const text = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Buffer.from(text(value)).toString('base64')]));
}

function missing({ strategy }: ConfigFile, facts: ImageFacts, path: string): never {
  const what = strategy === 'secret' ? 'toSecret puts values into a Secret' : 'the strategy merge lays values over a YAML file';
  throw new Problem('CONFIG_MERGE_FAILED', `${what}, and image ${facts.reference} has no text file ${path} below 1 MiB`, {
    remedy: 'Correct the path of the Config, or write the whole file with the strategy overwrite.',
  });
}

function inContext(config: ConfigFile, facts: ImageFacts, path: string, work: () => string): string {
  try {
    return work();
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem(
      'CONFIG_MERGE_FAILED',
      `${path} of image ${facts.reference} is no YAML that a Config can be laid into: ${(error as Error).message}`,
      {
        remedy: 'Write the whole file with the strategy overwrite.',
        details: { path, strategy: config.strategy },
      },
    );
  }
}
