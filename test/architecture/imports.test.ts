import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Who may import whom. A row that has to change is a change of the architecture: say why in docs/adr/. */
const mayImport: Record<string, readonly string[]> = {
  foundation: [],
  clusterfile: ['foundation'],
  'cluster-image': ['foundation'],
  pki: ['foundation'],
  plan: ['foundation'],
  runtime: ['foundation', 'plan', 'clusterfile', 'cluster-image', 'pki'],
  protocol: ['foundation', 'plan', 'clusterfile'],
  sealctl: ['foundation', 'clusterfile', 'cluster-image', 'plan', 'protocol', 'pki'],
  release: ['foundation'],
  server: ['foundation', 'clusterfile', 'cluster-image', 'pki', 'plan', 'runtime', 'protocol'],
  agent: ['foundation', 'plan', 'cluster-image', 'pki', 'protocol'],
  test: [
    'foundation',
    'clusterfile',
    'cluster-image',
    'pki',
    'plan',
    'runtime',
    'protocol',
    'sealctl',
    'release',
    'server',
    'agent',
  ],
};

/** Only their types may be imported there: these rooms hold I/O that a planner must not reach. */
const typesOnly: Record<string, readonly string[]> = { runtime: ['cluster-image', 'pki'] };

/** Places without clock, randomness and I/O. */
const pure = [
  'packages/plan/src',
  'packages/clusterfile/src',
  'packages/runtime/src',
  'server/src/planner',
  'server/src/scheduler/next-steps.ts',
];
const impure =
  /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bsetTimeout\(|\bsetInterval\(|\bprocess\.|from 'node:(?!path\b)|from 'execa'|\bfetch\(/;

interface Import {
  readonly file: string;
  readonly line: number;
  readonly text: string;
  readonly target: string;
  readonly typeOnly: boolean;
}

const files = ['packages', 'server', 'agent', 'test'].flatMap((place) => sources(join(root, place)));

describe('the architecture', () => {
  it('keeps the import table: each room imports only the rooms its row names', () => {
    const wrong = files.flatMap(importsOf).flatMap((found) => {
      const from = roomOf(found.file);
      const to = roomOfTarget(found);
      if (to === undefined || to === from || (mayImport[from] ?? []).includes(to)) return [];
      return [`${found.file}:${found.line} ${from} must not import ${to}: ${found.text}`];
    });
    assert.deepEqual(wrong, []);
  });

  it('crosses rooms only through the front door @seal/<room>, except in tests of the whole', () => {
    const wrong = files.flatMap(importsOf).flatMap((found) => {
      const from = roomOf(found.file);
      if (from === 'test' || !found.target.startsWith('.')) return [];
      const to = roomOf(relative(root, resolve(root, dirname(found.file), found.target)));
      return to === from ? [] : [`${found.file}:${found.line} import from '@seal/${to}' instead: ${found.text}`];
    });
    assert.deepEqual(wrong, []);
  });

  it('lets pure rooms import only types from rooms with I/O', () => {
    const wrong = files.flatMap(importsOf).flatMap((found) => {
      const to = roomOfTarget(found);
      const forbidden = to !== undefined && (typesOnly[roomOf(found.file)] ?? []).includes(to) && !found.typeOnly;
      return forbidden ? [`${found.file}:${found.line} use "import type": ${found.text}`] : [];
    });
    assert.deepEqual(wrong, []);
  });

  it('keeps clock, randomness and I/O out of what decides', () => {
    const wrong = files
      .filter((file) => pure.some((place) => file.startsWith(place)) && !file.endsWith('.test.ts'))
      .flatMap((file) =>
        readFileSync(join(root, file), 'utf8')
          .split('\n')
          .flatMap((text, index) => (impure.test(text) ? [`${file}:${index + 1} take it as an argument: ${text.trim()}`] : [])),
      );
    assert.deepEqual(wrong, []);
  });

  it('has no drawers: nothing is called utils, common, helpers or manager', () => {
    assert.deepEqual(
      files.filter((file) => /(^|[/-])(utils?|common|helpers?|managers?)([./-]|$)/.test(file)),
      [],
    );
  });

  it('keeps files short enough to be read: at most 300 lines', () => {
    const tables = ['packages/foundation/src/problem-codes.ts'];
    const prose = files.filter((file) => !tables.includes(file));
    const long = prose.filter((file) => readFileSync(join(root, file), 'utf8').split('\n').length > 301);
    assert.deepEqual(long, []);
  });
});

function sources(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((file) => !/(^|\/)(gen|node_modules|dist)\//.test(file));
}

function importsOf(file: string): Import[] {
  const lines = readFileSync(join(root, file), 'utf8').split('\n');
  let typeOnly = false;
  return lines.flatMap((text, index) => {
    if (/^(import|export) /.test(text)) typeOnly = /^(import|export) type /.test(text);
    const target = /(?:from |import\(|^import )'([^'$]+)'/.exec(text)?.[1];
    return target === undefined ? [] : [{ file, line: index + 1, text: text.trim(), target, typeOnly }];
  });
}

/** "packages/plan/src/x.ts" → "plan", "server/src/y.ts" → "server". */
function roomOf(file: string): string {
  const [first = '', second = ''] = file.split('/');
  return first === 'packages' ? second : first;
}

function roomOfTarget(found: Import): string | undefined {
  const named = /^@seal\/([^/]+)/.exec(found.target)?.[1];
  if (named !== undefined) return named;
  if (!found.target.startsWith('.')) return undefined;
  return roomOf(relative(root, resolve(root, dirname(found.file), found.target)));
}
