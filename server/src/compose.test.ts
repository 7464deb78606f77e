import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pino } from 'pino';
import { composeCore } from './compose.ts';
import { readConfig } from './config.ts';

const directory = mkdtempSync(join(tmpdir(), 'seal-compose-'));
after(() => rmSync(directory, { recursive: true }));

test('a second server on the same state directory is refused before it touches anything; the next life gets a higher epoch', async () => {
  const flags = { address: '127.0.0.1', stateDirectory: directory, runDirectory: join(directory, 'run') };
  const config = readConfig(flags, join(directory, 'none.yaml'));
  const compose = () => composeCore(config, pino({ level: 'silent' }), 'test');
  const first = await compose();
  await assert.rejects(compose(), { code: 'STATE_LOCKED', message: new RegExp(`process id ${process.pid} on `) });
  await first.store.close();
  first.unlock();
  const second = await compose();
  assert.equal(second.epoch, first.epoch + 1);
  await second.store.close();
  second.unlock();
});
