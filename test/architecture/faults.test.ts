import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { faultKinds } from '../simulation/faults.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (file: string) => readFileSync(join(root, file), 'utf8');

/** The table of docs/faults.md. */
const rows = [...read('docs/faults.md').matchAll(/^\| (\d+) \|([^|]+)\|([^|]+)\|([^|]*)\|([^|]*)\|$/gm)].map((row) => ({
  fault: Number(row[1]),
  files: [...(row[3] ?? '').matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ''),
  kinds: [...(row[5] ?? '').matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ''),
}));

/** Numbers with which the titles of tests begin: number to files. */
const tested = new Map<number, Set<string>>();
for (const file of globSync('test/scenario/**/*.ts', { cwd: root }))
  for (const [, number] of read(file).matchAll(/\bit\(\s*['"`](\d+) /g)) {
    const name = basename(file, '.ts').replace(/\.test$/, '');
    tested.set(Number(number), (tested.get(Number(number)) ?? new Set()).add(name));
  }

describe('docs/faults.md', () => {
  it('has each of the 23 faults, once', () => {
    assert.deepEqual(
      rows.map(({ fault }) => fault),
      Array.from({ length: 23 }, (_, index) => index + 1),
    );
  });

  it('names for each fault the files whose tests begin with its number, and no other', () => {
    for (const { fault, files } of rows) {
      assert.ok(files.length > 0, `fault ${fault} has no test`);
      assert.deepEqual([...files].sort(), [...(tested.get(fault) ?? [])].sort(), `fault ${fault}`);
    }
  });

  it('names only faults that the simulation knows', () => {
    const named = rows.flatMap(({ kinds }) => kinds);
    assert.deepEqual(
      named.filter((kind) => !Object.hasOwn(faultKinds, kind)),
      [],
    );
  });
});
