import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { problemCodes } from '@seal/foundation';
import { problemsPage } from './problems-page.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (file: string) => readFileSync(join(root, file), 'utf8');

describe('the documents', () => {
  it('describe every problem code, and no other (npm run gen writes docs/problems.md)', () => {
    assert.equal(read('docs/problems.md'), problemsPage());
  });

  it('name only problem codes that some source raises', () => {
    const places = ['packages', 'server', 'agent', 'systemd'].flatMap((place) =>
      readdirSync(join(root, place), { recursive: true, encoding: 'utf8' })
        .filter((file) => /\.(ts|sh)$/.test(file) && !/node_modules|\.test\.ts$|problem-codes\.ts$/.test(file))
        .map((file) => read(join(place, file))),
    );
    const text = places.join('\n');
    const unused = Object.keys(problemCodes).filter((code) => !text.includes(code));
    assert.deepEqual(unused, []);
  });

  it('describe every problem that the install scripts print, with its exit code', () => {
    const printed = readdirSync(join(root, 'systemd'))
      .filter((file) => file.endsWith('.sh'))
      .flatMap((file) => [...read(join('systemd', file)).matchAll(/\bfail (\d+) ["']([A-Z_]+):/g)]);
    assert.ok(printed.length > 15);
    for (const [, exit, code] of printed)
      assert.equal(problemCodes[code as keyof typeof problemCodes]?.exit, Number(exit), `${code} with exit code ${exit}`);
  });

  it('give every dependency its line in docs/dependencies.md', () => {
    const manifest = JSON.parse(read('package.json')) as Record<string, Record<string, string>>;
    const names = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies, ...manifest.optionalDependencies });
    const page = read('docs/dependencies.md');
    assert.deepEqual(
      names.filter((name) => !page.includes(`\`${name}\``)),
      [],
    );
  });
});
