import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Problem, type ProblemCode } from '@seal/foundation';
import { mountRootfs } from '../rootfs/mount-rootfs.ts';
import { unpackLayer } from '../rootfs/unpack-layer.ts';
import { type ImageStore, openStore } from '../store/image-store.ts';
import { type BuildOptions, type BuildProgress, type BuiltImage, buildImage } from './build-image.ts';

/** For tests: a build context and a store in a directory of their own, gone afterwards. */
export interface Workshop {
  readonly directory: string;
  readonly context: string;
  readonly store: ImageStore;
  write(files: Record<string, string>): Promise<void>;
  build(kubefile: string, options?: Partial<BuildOptions>): Promise<BuiltImage>;
  /** Unpacks the image and gives its rootfs. */
  rootfs(image: BuiltImage): Promise<string>;
  readonly progress: BuildProgress[];
}

export async function inWorkshop(work: (workshop: Workshop) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'seal-build-'));
  const context = join(directory, 'context');
  await mkdir(context);
  const store = await openStore(join(directory, 'store'));
  const progress: BuildProgress[] = [];
  const write = async (files: Record<string, string>) => {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(context, path)), { recursive: true });
      if (path.endsWith('/')) await mkdir(join(context, path), { recursive: true });
      else await writeFile(join(context, path), text);
    }
  };
  let count = 0;
  try {
    await work({
      directory,
      context,
      store,
      write,
      progress,
      build: async (kubefile, options = {}) => {
        await writeFile(join(directory, 'Kubefile'), kubefile);
        const path = join(directory, 'Kubefile');
        return buildImage({
          context,
          kubefile: path,
          store,
          reference: 'test',
          onProgress: (each) => progress.push(each),
          ...options,
        });
      },
      rootfs: async (image) => {
        count += 1;
        const layerDirs: string[] = [];
        const { manifest } = await store.inspect(image.digest);
        for (const { digest, mediaType } of manifest.layers) {
          const target = join(directory, `unpacked-${count}`, digest);
          await unpackLayer({ path: store.blobPath(digest), mediaType, expectedDigest: digest }, target, { durable: false });
          layerDirs.push(target);
        }
        // An empty layer of removals last makes it a copy, which needs no unmounting.
        const copyAlways = join(directory, `unpacked-${count}`, 'last');
        await mkdir(copyAlways, { recursive: true });
        await writeFile(join(copyAlways, '.wh.never-there'), '');
        const mountPoint = join(directory, `rootfs-${count}`);
        await mountRootfs({ layerDirs: [...layerDirs, copyAlways], mountPoint, workDir: join(directory, `work-${count}`) });
        return mountPoint;
      },
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Asserts that `work` ends with that Problem, and gives it. */
export async function fails(work: Promise<unknown>, code: ProblemCode, message: RegExp): Promise<Problem> {
  let problem: Problem | undefined;
  await assert.rejects(work, (thrown) => {
    assert.ok(thrown instanceof Problem, String((thrown as Error).stack));
    assert.equal(thrown.code, code, thrown.message);
    assert.match(thrown.message, message);
    problem = thrown;
    return true;
  });
  return problem as Problem;
}

/** Every file and link below a directory, sorted. */
export const filesOf = async (rootfs: string) =>
  (await readdir(rootfs, { recursive: true, withFileTypes: true }))
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(rootfs.length + 1))
    .sort();
