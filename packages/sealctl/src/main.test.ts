import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ServerDouble } from '@seal/protocol/server-double';

const program = fileURLToPath(new URL('./main.ts', import.meta.url));

test('whoever reads slowly from a pipe gets all of the output', async () => {
  await using double = await ServerDouble.start();
  const node = {
    addresses: ['10.0.0.1'],
    connected: true,
    lastSeenAtMs: 1,
    labels: {},
    usages: [],
    agentVersion: '1',
    arch: 'amd64',
  };
  const rest = { cluster: '', role: '', enrolledAtMs: 1, certificateExpiresAtMs: 1, facts: undefined };
  const nodes = Array.from({ length: 3000 }, (_, index) => ({ id: `node-${index}`, name: `n${index}`, ...node, ...rest }));
  double.answers.listNodes = () => ({ nodes });
  const { target } = double;
  assert.equal(target.kind, 'local');
  const child = spawn(process.execPath, [program, '--server', `unix:${target.grpcSocket}`, 'nodes', '-o', 'json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'readable');
  await sleep(500);
  let text = '';
  for await (const piece of child.stdout.setEncoding('utf8')) text += piece;
  assert.ok(text.length > 256 * 1024, 'more than a pipe holds');
  assert.equal((JSON.parse(text) as unknown[]).length, 3000);
});
