export { buildRelease, type Release, type ReleaseOptions } from './build-release.ts';
