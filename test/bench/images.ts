import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeTree, type TreeShape } from './images-tree.ts';
import { table } from './markdown-table.ts';

const rounds = Number(process.env.SEAL_BENCH_ROUNDS ?? 3);
/** `build`, `save`, `unpack`, with commas: to look at some alone. */
const wanted = process.env.SEAL_BENCH_ONLY?.split(',');
const shapes: readonly TreeShape[] = [
  { files: 500, bytes: 1e9 },
  { files: 20_000, bytes: 1e9 },
];
const sealctl = `${process.execPath} ${fileURLToPath(new URL('../../packages/sealctl/src/main.ts', import.meta.url))} -q`;
const unpackProgram = fileURLToPath(new URL('./images-unpack.ts', import.meta.url));

/** One way to do a piece of work; `prepare` is not measured, and what both leave is removed before the next. */
interface Way {
  readonly name: string;
  readonly command: string;
  readonly program?: string;
}

interface Timing {
  readonly wall: number;
  readonly cpu: number;
}

/** Build, save and unpack of trees of 1 GB, beside what others need for the same; a table for each shape. */
export async function benchImages(): Promise<string> {
  const work = mkdtempSync('/var/tmp/seal-bench-images-');
  try {
    const parts = [
      `Each line is the median of ${rounds} rounds, the ways in turns; page cache warm, nothing synced but where a program does it itself.`,
    ];
    for (const shape of shapes) parts.push(await ofShape(join(work, String(shape.files)), shape));
    return parts.join('\n\n');
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function ofShape(work: string, shape: TreeShape): Promise<string> {
  const tree = join(work, 'tree');
  mkdirSync(tree, { recursive: true });
  await makeTree(tree, shape);
  writeFileSync(join(work, 'Kubefile'), 'FROM scratch\nCOPY . /\n');
  execFileSync('sh', ['-c', `find ${tree} -type f -exec cat {} + > /dev/null`]);
  const isWanted = (what: string) => wanted?.includes(what) ?? true;
  const build = isWanted('build') ? rowsOf('build', measure(work, buildWays(work))) : [];
  const layer = prepareImage(work);
  const save = isWanted('save') ? rowsOf('save', measure(work, saveWays(work))) : [];
  const unpack = isWanted('unpack') ? rowsOf('unpack', measure(work, unpackWays(work, layer))) : [];
  const rows = [...build, ...save, ...unpack];
  const size = (statSync(layer).size / 1e6).toFixed(0);
  const tgz = existsSync(join(work, 'tar.tgz'))
    ? `, that of tar and gzip -4 ${(statSync(join(work, 'tar.tgz')).size / 1e6).toFixed(0)} MB`
    : '';
  const head = ['', 'by', 'wall', 'of Seal', 'CPU (user + system)'];
  return `**1 GB in ${shape.files} files.** The layer of Seal has ${size} MB${tgz}.\n\n${table(head, rows)}`;
}

function buildWays(work: string): Way[] {
  const buildah = (driver: string) =>
    `buildah --root ${work}/out/root --runroot ${work}/out/run --storage-driver ${driver} bud --isolation chroot -q -t x -f ${work}/Kubefile ${work}/tree`;
  return [
    {
      name: 'sealctl build',
      command: `${sealctl} build --build-mode lite -t x:1 -f ${work}/Kubefile --store ${work}/out/store ${work}/tree`,
    },
    { name: 'buildah bud, overlay', command: buildah('overlay'), program: 'buildah' },
    { name: 'buildah bud, vfs', command: buildah('vfs'), program: 'buildah' },
    { name: 'tar, gzip -4', command: `tar -C ${work}/tree -I 'gzip -4' -cf ${work}/tar.tgz .` },
    { name: 'tar, pigz -4', command: `tar -C ${work}/tree -I 'pigz -4' -cf ${work}/out/x.tgz .`, program: 'pigz' },
  ];
}

/** The image of Seal in its store, and as OCI layout for the others. Gives the path of its layer. */
function prepareImage(work: string): string {
  run(`${sealctl} build --build-mode lite -t x:1 -f ${work}/Kubefile --store ${work}/store ${work}/tree`);
  if (has('skopeo')) {
    run(`${sealctl} save x:1 -o ${work}/x.tar --store ${work}/store`);
    run(`skopeo copy -q oci-archive:${work}/x.tar oci:${work}/layout:x`);
  }
  const blobs = join(work, 'store/blobs/sha256');
  const largest = readdirSync(blobs).sort((a, b) => statSync(join(blobs, b)).size - statSync(join(blobs, a)).size)[0];
  return join(blobs, largest ?? '');
}

function saveWays(work: string): Way[] {
  return [
    { name: 'sealctl save', command: `${sealctl} save x:1 -o ${work}/out/x.tar --store ${work}/store` },
    {
      name: 'skopeo copy oci: oci-archive:',
      command: `skopeo copy -q oci:${work}/layout:x oci-archive:${work}/out/x.tar`,
      program: 'skopeo',
    },
    { name: 'tar, without compression', command: `tar -C ${work}/store -cf ${work}/out/x.tar blobs` },
  ];
}

function unpackWays(work: string, layer: string): Way[] {
  return [
    { name: 'Seal, as the agent does', command: `${process.execPath} ${unpackProgram} ${layer} ${work}/out/x` },
    { name: 'umoci unpack', command: `umoci unpack --image ${work}/layout:x ${work}/out/x`, program: 'umoci' },
    { name: 'tar -xz', command: `mkdir ${work}/out/x && tar -C ${work}/out/x -xzf ${layer}` },
  ];
}

function measure(work: string, ways: readonly Way[]): ReadonlyMap<string, readonly Timing[]> {
  const found = ways.filter(({ program }) => program === undefined || has(program));
  const timings = new Map(found.map(({ name }) => [name, [] as Timing[]]));
  for (let round = 0; round < rounds; round += 1)
    for (const { name, command } of found) {
      mkdirSync(join(work, 'out'));
      timings.get(name)?.push(run(command));
      rmSync(join(work, 'out'), { recursive: true });
    }
  return timings;
}

/** Runs a shell line. Wall and CPU, the children's too, in seconds. */
function run(command: string): Timing {
  const script = `TIMEFORMAT='%R %U %S'; time { ${command}; } >/dev/null`;
  const { status, stderr } = spawnSync('bash', ['-c', `set -e; ${script}`], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
  const [wall = 0, user = 0, system = 0] = (stderr.trimEnd().split('\n').at(-1) ?? '').split(' ').map(Number);
  if (status !== 0) throw new Error(`${command} ended with ${status}: ${stderr}`);
  return { wall, cpu: user + system };
}

function rowsOf(what: string, timings: ReadonlyMap<string, readonly Timing[]>): string[][] {
  const [first = []] = timings.values();
  const own = median(first.map(({ wall }) => wall));
  return [...timings].map(([name, all]) => {
    const wall = median(all.map((one) => one.wall));
    return [
      what,
      name,
      `${wall.toFixed(1)} s`,
      `${(wall / own).toFixed(2)} ×`,
      `${median(all.map((one) => one.cpu)).toFixed(1)} s`,
    ];
  });
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function has(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
}
