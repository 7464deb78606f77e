import { globSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { spec as Spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';
import { hostsHindrance } from './hosts/index.ts';
import { runPhases } from './setup/run-phases.ts';

/**
 * `npm test [-- PART-OF-A-PATH…]`: the test files whose path holds one of the parts, or all. First those that need no hosts, two at a
 * time, then those on real systemd hosts, one at a time; one report and one summary for both. Where the machine cannot host
 * systemd-nspawn, the latter are left out, which is said first and last.
 */
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const plainFolders = [
  'packages',
  'server',
  'agent',
  'examples',
  'test/architecture',
  'test/attack',
  'test/simulation',
  'test/setup',
];
const hostFolders = ['test/hosts', 'test/scenario'];

const plainFiles = testFiles(plainFolders, process.argv.slice(2));
const hostFiles = testFiles(hostFolders, process.argv.slice(2));
if (plainFiles.length + hostFiles.length === 0) {
  process.stderr.write(`no test file's path holds ${process.argv.slice(2).join(' or ')}\n`);
  process.exit(2);
}
const onProgress = (line: string): void => void process.stderr.write(`[hosts] ${line}\n`);
const hindrance = hostFiles.length === 0 ? undefined : await hostsHindrance({ onProgress });
if (hindrance !== undefined) sayLoudly(hindrance);

const phases = [
  { files: plainFiles, concurrency: 2 },
  { files: hindrance === undefined ? hostFiles : [], concurrency: 1 },
];
let failed = false;
const onFailure = (): void => {
  failed = true;
};
// A stopped run stops its test files with SIGTERM, upon which each removes its lab.
const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stopping.abort());
const report = Readable.from(runPhases(phases, onFailure, stopping.signal)).compose(new Spec());
for await (const text of report) process.stdout.write(text);
if (hindrance !== undefined) sayLoudly(hindrance);
process.exitCode = failed || stopping.signal.aborted ? 1 : 0;

function testFiles(folders: readonly string[], parts: readonly string[]): string[] {
  const found = globSync(
    folders.map((folder) => `${folder}/**/*.test.ts`),
    { cwd: root, exclude: ['**/node_modules/**', '**/dist/**', '**/components/**'] },
  );
  const wanted = found.filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)));
  return wanted.sort().map((file) => join(root, file));
}

function sayLoudly(reason: string): void {
  const files = hostFiles.map((file) => `!!   ${file.slice(root.length + 1)}`).join('\n');
  const frame = '!'.repeat(100);
  process.stderr.write(
    `\n${frame}\n!! SKIPPED: ${hostFiles.length} test files that need real systemd hosts, because\n!! ${reason.replaceAll('\n', '\n!! ')}\n${files}\n${frame}\n\n`,
  );
}
