import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hostsHindrance } from './hosts/index.ts';

/** `npm run test:clusters`: real Kubernetes clusters on real hosts, checked with kubectl. Ends with node:test's own summary. */
const root = fileURLToPath(new URL('..', import.meta.url));
const hindrance = await hostsHindrance({ onProgress: (line) => process.stderr.write(`[hosts] ${line}\n`) });
if (hindrance !== undefined) {
  process.stderr.write(`test:clusters needs real systemd hosts, which this machine cannot have:\n${hindrance}\n`);
  process.exit(3);
}
const files = globSync('test/clusters/**/*.test.ts', { cwd: root }).map((file) => join(root, file));
const child = spawn(process.execPath, ['--test', '--test-concurrency=1', '--test-reporter=spec', ...files], {
  stdio: 'inherit',
  cwd: root,
});
// The signal reaches the whole foreground group; the test files remove their labs, this process waits for them.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
child.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
