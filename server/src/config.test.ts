import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { readConfig } from './config.ts';

describe("the server's configuration file", () => {
  const directory = mkdtempSync(join(tmpdir(), 'seal-config-'));
  after(() => rmSync(directory, { recursive: true }));
  const read = (text: string, flags = {}) => {
    const file = join(directory, 'server.yaml');
    writeFileSync(file, text);
    return readConfig(flags, file, true);
  };

  for (const [what, text] of [
    ['empty', ''],
    ['of comments alone', '# heartbeatSeconds: 20\n'],
    ['an empty document', '---\n'],
  ] as const)
    it(`may be ${what}: the defaults hold`, () => assert.equal(read(text).heartbeatSeconds, 15));

  it('is below the flags', () => assert.equal(read('grpcPort: 1\n', { grpcPort: 2 }).grpcPort, 2));

  it('is refused with the field that is wrong, and with more than one document', () => {
    assert.throws(() => read('heartbeatSeconds: often\n'), { code: 'CONFIG_INVALID', message: /heartbeatSeconds/ });
    assert.throws(() => read('grpcPort: 1\n---\ngrpcPort: 2\n'), { code: 'CONFIG_INVALID', message: /more than one document/ });
  });
});
