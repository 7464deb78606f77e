import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { loadConfig } from './config.ts';

describe("the agent's configuration file", () => {
  const directory = mkdtempSync(join(tmpdir(), 'seal-config-'));
  after(() => rmSync(directory, { recursive: true }));
  const read = (text: string, flags = {}) => {
    const path = join(directory, 'agent.yaml');
    writeFileSync(path, text);
    return loadConfig({ flags, path });
  };

  for (const [what, text] of [
    ['empty', ''],
    ['of comments alone', '# concurrentSteps: 2\n'],
    ['an empty document', '---\n'],
  ] as const)
    it(`may be ${what}: the defaults hold`, () => assert.equal(read(text).concurrentSteps, 8));

  it('is below the flags', () => assert.equal(read('grpcPort: 1\n', { grpcPort: 2 }).grpcPort, 2));

  it('is refused with the field that is wrong, and with more than one document', () => {
    assert.throws(() => read('concurrentSteps: many\n'), { code: 'AGENT_CONFIG_INVALID', message: /concurrentSteps/ });
    assert.throws(() => read('grpcPort: 1\n---\n'), { code: 'AGENT_CONFIG_INVALID', message: /more than one document/ });
  });
});
