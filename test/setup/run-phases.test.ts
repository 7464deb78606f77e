import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

describe('running test files in phases', () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'seal-phases-'));
    for (const [name, body] of [
      ['good', 'true'],
      ['bad', 'false'],
    ]) {
      writeFileSync(
        join(directory, `${name}.mjs`),
        `import { test } from 'node:test'; import assert from 'node:assert'; test('${name}', () => assert.ok(${body}));`,
      );
    }
  });
  after(() => rmSync(directory, { recursive: true }));

  it('counts the tests of all phases once, and tells of no failure where there is none', () => {
    const { output, failed } = report([['good'], [], ['good']]);
    assert.deepEqual([count(output, 'tests'), count(output, 'pass'), count(output, 'fail')], ['2', '2', '0']);
    assert.equal(failed, false);
  });

  it('tells of a failure in an early phase and still runs the later ones', () => {
    const { output, failed } = report([['bad'], ['good']]);
    assert.deepEqual([count(output, 'tests'), count(output, 'pass'), count(output, 'fail')], ['2', '1', '1']);
    assert.equal(failed, true);
  });

  it('starts nothing when it is told to stop before', () => {
    assert.equal(report([['good']], 'AbortSignal.abort()').output, '');
  });

  /** In a process of its own: node:test does not run test files from within a test file. */
  function report(phases: string[][], signal = 'new AbortController().signal'): { output: string; failed: boolean } {
    const files = phases.map((names) => ({ files: names.map((name) => join(directory, `${name}.mjs`)), concurrency: 1 }));
    const script = `import { Readable } from 'node:stream';
      import { spec as Spec } from 'node:test/reporters';
      import { runPhases } from '${new URL('run-phases.ts', import.meta.url).href}';
      const events = runPhases(${JSON.stringify(files)}, () => { process.exitCode = 1; }, ${signal});
      for await (const text of Readable.from(events).compose(new Spec())) process.stdout.write(text);`;
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const program = join(directory, 'report.mjs');
    writeFileSync(program, script);
    const { stdout, stderr, status } = spawnSync(process.execPath, [program], { env, encoding: 'utf8' });
    assert.equal(stderr, '');
    return { output: stdout, failed: status !== 0 };
  }
});

/** The count in the summary, which must be there exactly once. */
function count(output: string, name: string): string | undefined {
  const found = [...output.matchAll(new RegExp(`^ℹ ${name} (\\d+)$`, 'gm'))];
  assert.equal(found.length, 1, output);
  return found[0]?.[1];
}
