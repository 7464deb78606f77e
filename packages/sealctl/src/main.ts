import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { processIo } from './io.ts';
import { runSealctl } from './run-sealctl.ts';

// Half of the start time is compiling; the cache is in the system's temporary directory, or where NODE_COMPILE_CACHE says.
enableCompileCache();

// "sealctl nodes | head" is no error.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(141);
    throw error;
  });

process.exitCode = await runSealctl(process.argv.slice(2), processIo(homedir()));
// What a slow reader of a pipe has not taken yet would be lost.
for (const stream of [process.stdout, process.stderr]) await new Promise((written) => stream.write('', written));
process.exit();
