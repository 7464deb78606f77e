import { Problem } from '@seal/foundation';
import { buildRelease } from './build-release.ts';

/** `npm run build [-- amd64|arm64]`: makes the server's archive in dist/ and prints its path. */
const [arch, ...rest] = process.argv.slice(2);
if ((arch !== undefined && arch !== 'amd64' && arch !== 'arm64') || rest.length > 0) {
  process.stderr.write('usage: npm run build [-- amd64|arm64]\n');
  process.exit(2);
}
try {
  const { serverArchive } = await buildRelease({ arch, onProgress: (line) => process.stderr.write(`${line}\n`) });
  process.stdout.write(`${serverArchive}\n`);
} catch (error) {
  const { code, message, remedy, exitCode } = Problem.from(error);
  process.stderr.write(`${code}: ${message}\n${remedy}\n`);
  process.exitCode = exitCode;
}
