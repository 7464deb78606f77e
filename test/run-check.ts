import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** `npm run check`: format, lint and types of the whole tree. All are run; the exit code is 1 when one of them complains. */
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const checks = [
  {
    title: 'format and lint (biome; "npx biome check --write FOLDER" mends what can be mended)',
    program: '@biomejs/biome/bin/biome',
    args: ['check'],
  },
  { title: 'types (tsc)', program: 'typescript/bin/tsc', args: ['--noEmit'] },
];

const failed = checks.filter(({ title, program, args }) => {
  process.stdout.write(`== ${title}\n`);
  const { status } = spawnSync(process.execPath, [join(root, 'node_modules', program), ...args], { cwd: root, stdio: 'inherit' });
  return status !== 0;
});
process.stdout.write(
  failed.length === 0 ? 'check: all well\n' : `check: FAILED: ${failed.map(({ title }) => title).join(', ')}\n`,
);
process.exitCode = failed.length === 0 ? 0 : 1;
