import type { AppRecord, ImageFacts, LaidFile } from '../cluster-facts.ts';
import { imageName } from '../images/arrange-images.ts';
import type { AppUnit } from './app-units.ts';

export interface RecordedInput {
  readonly units: readonly AppUnit[];
  readonly patches: readonly ImageFacts[];
  /** Files over images of apps, by reference. */
  readonly files: Readonly<Record<string, readonly LaidFile[]>>;
  /** Environment that was given for these apps alone. */
  readonly env: Readonly<Record<string, string>>;
  /** Shell lines instead of what the images launch. */
  readonly cmds: readonly string[];
  readonly nowMs: number;
}

/** What is recorded of apps and patches before the first step that installs them. */
export function appRecords({ units, patches, files, env, cmds, nowMs }: RecordedInput): AppRecord[] {
  const begun = { state: 'installing', sinceMs: nowMs } as const;
  const ofImage = (image: ImageFacts) => ({ image: image.reference, imageDigest: image.digest, ...begun });
  return [
    ...patches.map(
      (patch): AppRecord => ({
        name: imageName(patch.reference),
        kind: 'patch',
        ...ofImage(patch),
        ...(cmds.length > 0 ? { launch: cmds } : {}),
      }),
    ),
    ...units.map((unit): AppRecord => {
      const { name, image, place, config } = unit;
      const laid = place === undefined ? [] : (files[image.reference] ?? []);
      const launch = cmds.length > 0 ? cmds : (config?.launch ?? []);
      const uninstall = config?.uninstall ?? [];
      const given = { ...env, ...config?.env };
      return {
        ...{ name, kind: 'app', ...ofImage(image) },
        ...(place === undefined ? {} : { place }),
        ...(Object.keys(given).length > 0 ? { env: given } : {}),
        ...(uninstall.length > 0 ? { uninstall } : {}),
        ...(launch.length > 0 ? { launch } : {}),
        ...(laid.length > 0 ? { files: laid } : {}),
      };
    }),
  ];
}

/** The unit that a record stands for, for whoever uninstalls it. */
export function recordedUnit({ name, place, env = {} }: AppRecord, image: ImageFacts): AppUnit {
  const app = image.apps?.find((each) => each.name === name);
  const config = { name, env, launch: [], uninstall: [] };
  return { name, image, config, ...(place === undefined ? {} : { place }), ...(app ? { app } : {}) };
}
