import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { processIo } from './io.ts';
import { runSealctl } from './run-sealctl.ts';

// Half of the start time is compiling. The cache is the user's own: one in /tmp could be planted by anybody, and root would run it.
enableCompileCache(join(homedir(), '.cache/seal/compiled'));

process.exitCode = await runSealctl(process.argv.slice(2), processIo(homedir()));
// What a slow reader of a pipe has not taken yet would be lost.
for (const stream of [process.stdout, process.stderr]) await new Promise((written) => stream.write('', written));
process.exit();
