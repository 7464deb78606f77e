import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';

const module = new URL('claim-lab.ts', import.meta.url);
const program = `import { claimLab } from '${module}';
process.stdout.write(String(claimLab('mine')));
process.stdin.on('end', () => process.exit(0)).resume();`;

class Claimant {
  readonly #child;
  readonly said: Promise<string>;

  constructor(directory: string) {
    this.#child = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], {
      env: { ...process.env, SEAL_LABS: directory },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.said = once(this.#child.stdout, 'data').then(([data]) => String(data));
  }

  get pid(): string {
    return String(this.#child.pid);
  }

  async end(signal?: 'SIGKILL'): Promise<void> {
    const exit = once(this.#child, 'exit');
    if (signal) this.#child.kill(signal);
    else this.#child.stdin.end();
    await exit;
  }
}

describe('claimLab', () => {
  it('tells a second process who makes the lab, until that process ends, also when it is killed', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'seal-claim-'));
    try {
      const first = new Claimant(directory);
      assert.equal(await first.said, 'undefined');
      const second = new Claimant(directory);
      assert.equal(await second.said, first.pid);
      await second.end();
      await first.end('SIGKILL');
      const third = new Claimant(directory);
      assert.equal(await third.said, 'undefined');
      await third.end();
      assert.deepEqual(readdirSync(directory), []);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
