import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { lockStateDirectory } from './lock-state-directory.ts';

const directory = mkdtempSync(join(tmpdir(), 'seal-lock-'));
after(() => rmSync(directory, { recursive: true }));

/** Another process that takes the lock and keeps it. */
async function holder() {
  const source = `import { lockStateDirectory } from ${JSON.stringify(fileURLToPath(new URL('./lock-state-directory.ts', import.meta.url)))};
    // Kept: a lock that nothing refers to is collected, and let go.
    globalThis.release = lockStateDirectory(${JSON.stringify(directory)}); console.log('held'); setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

describe('the lock of a state directory', () => {
  it('keeps a second server out, naming process and host of the first, and is gone the moment that one is killed', async () => {
    const first = await holder();
    try {
      assert.throws(
        () => lockStateDirectory(directory),
        (problem: { code?: string; message: string }) =>
          problem.code === 'STATE_LOCKED' &&
          problem.message.includes(`process id ${first.pid} on ${hostname()}`) &&
          problem.message.includes(directory),
      );
    } finally {
      first.kill('SIGKILL');
      await once(first, 'exit');
    }
    lockStateDirectory(directory)();
  });

  it('holds within one process too, until it is let go', () => {
    const release = lockStateDirectory(directory);
    assert.throws(() => lockStateDirectory(directory), { code: 'STATE_LOCKED' });
    release();
    lockStateDirectory(directory)();
  });
});
