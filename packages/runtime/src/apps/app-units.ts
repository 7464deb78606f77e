import type { ImageApp } from '@seal/cluster-image';
import type { AppConfig, AppsWanted } from '@seal/clusterfile';
import { Problem } from '@seal/foundation';
import type { ImageFacts } from '../cluster-facts.ts';
import { imageName, imagePlace } from '../images/arrange-images.ts';

/** What is launched, listed and uninstalled as one: an app of an image, or an image that names none. */
export interface AppUnit {
  readonly name: string;
  readonly image: ImageFacts;
  /** Directory below `applications/`. Absent: in the rootfs. */
  readonly place?: string;
  /** Absent: the image itself, which is launched by its CMD. */
  readonly app?: ImageApp;
  /** What the user says of it. */
  readonly config?: AppConfig;
}

/**
 * The apps that images launch, in order: of each image those that the user wants, else LAUNCH, else CMD; an app image without either launches all
 * it has. `cmds` of the user stand for all of that: then each image counts as one app, and launches nothing by itself.
 *
 * Problems: APP_NOT_FOUND (a wanted app, or one that a document describes, is in no image), IMAGE_INCOMPLETE (LAUNCH names an app that is not there),
 * IMAGES_CONTRADICTORY (two images with an app of one name).
 */
export function appUnits(
  rootfs: ImageFacts | undefined,
  images: readonly ImageFacts[],
  wanted: AppsWanted,
  cmds: readonly string[],
): AppUnit[] {
  refuseUnknown([...(rootfs ? [rootfs] : []), ...images], wanted);
  const own = rootfs && cmds.length === 0 ? unitsOf(rootfs, undefined, wanted) : [];
  const others = images.flatMap((image) => {
    const place = imagePlace(image);
    return cmds.length > 0 ? [{ name: imageName(image.reference), image, place }] : unitsOf(image, place, wanted);
  });
  const units = [...own, ...others];
  refuseTwice(units);
  return units;
}

function unitsOf(image: ImageFacts, place: string | undefined, wanted: AppsWanted): AppUnit[] {
  const at = place === undefined ? {} : { place };
  const units = namesOf(image, wanted).map((name): AppUnit => {
    const app = image.apps?.find((each) => each.name === name);
    if (!app) throw new Problem('IMAGE_INCOMPLETE', `image ${image.reference} launches "${name}" and has no app of that name`);
    const config = wanted.apps?.find((each) => each.name === name);
    return { name, image, ...at, app, ...(config ? { config } : {}) };
  });
  if (units.length > 0 || place === undefined) return units;
  const name = imageName(image.reference);
  const config = wanted.apps?.find((each) => each.name === name);
  return [{ name, image, ...at, ...(config ? { config } : {}) }];
}

function namesOf({ apps = [], launch = [], cmds, kind }: ImageFacts, { launchApps = [] }: AppsWanted): readonly string[] {
  if (launchApps.length > 0 && apps.length > 0) return launchApps.filter((name) => apps.some((app) => app.name === name));
  if (launch.length > 0) return launch;
  return kind === 'app-installer' && cmds.length === 0 ? apps.map((app) => app.name) : [];
}

function refuseUnknown(images: readonly ImageFacts[], { launchApps = [], apps = [], configs = [] }: AppsWanted): void {
  const known = new Set(images.flatMap((image) => [imageName(image.reference), ...(image.apps ?? []).map((app) => app.name)]));
  const named = [...launchApps, ...apps.map((app) => app.name), ...configs.flatMap((config) => config.app ?? [])];
  const unknown = [...new Set(named)].filter((name) => !known.has(name));
  if (unknown.length === 0) return;
  const there = images.flatMap((image) => (image.apps ?? []).map((app) => app.name));
  throw new Problem(
    'APP_NOT_FOUND',
    `no image of this command has an app ${unknown.map((name) => `"${name}"`).join(', ')} (${there.length > 0 ? `there are ${there.join(', ')}` : 'they have none'})`,
    { remedy: 'Correct launchApps, configs or appName of the Clusterfile; "sealctl inspect IMAGE" shows the apps of an image.' },
  );
}

function refuseTwice(units: readonly AppUnit[]): void {
  const seen = new Map<string, string>();
  for (const { name, image } of units) {
    const other = seen.get(name);
    if (other !== undefined)
      throw new Problem('IMAGES_CONTRADICTORY', `${other} and ${image.reference} both launch an app "${name}"`, {
        remedy: 'Run one of them, or choose by launchApps of an Application document.',
      });
    seen.set(name, image.reference);
  }
}
