import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { notifyReady } from './notify-ready.ts';

/** A directory for PATH whose systemd-notify writes down what it was told, and ends with `exitCode`. */
function programs(t: TestContext, exitCode: number) {
  const PATH = mkdtempSync(join(tmpdir(), 'seal-notify-'));
  t.after(() => rmSync(PATH, { recursive: true }));
  const said = join(PATH, 'said');
  const script = `#!/bin/sh\necho "$NOTIFY_SOCKET $*" >${said}\nexit ${exitCode}\n`;
  writeFileSync(join(PATH, 'systemd-notify'), script, { mode: 0o755 });
  return { PATH, said };
}

it('systemd is told that the server is ready, on the socket that it gave', async (t) => {
  const { PATH, said } = programs(t, 0);
  await notifyReady({ PATH, NOTIFY_SOCKET: '/run/systemd/notify' });
  assert.equal(readFileSync(said, 'utf8'), '/run/systemd/notify --ready\n');
});

it('a server that systemd did not start tells nobody', async (t) => {
  const { PATH, said } = programs(t, 0);
  await notifyReady({ PATH });
  assert.equal(existsSync(said), false);
});

it('a systemd that cannot be told is a problem', async (t) => {
  const { PATH } = programs(t, 1);
  await assert.rejects(notifyReady({ PATH, NOTIFY_SOCKET: '/nowhere' }), { code: 'SYSTEMD_UNTOLD' });
});
