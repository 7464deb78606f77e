import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Lab, type LabOptions } from './lab.ts';

/** Labs of tests are called so, and those whose creator died are removed by the next test that makes one. */
const testPrefix = 'test-';

/**
 * Makes a lab, gives it to `use`, and removes it whatever happens: `use` fails, the process ends or is told to end.
 * Without a name the lab gets one of its own. A killed process's lab is removed by the next call, on this machine.
 */
export async function withLab<T>(
  options: Omit<LabOptions, 'name'> & { name?: string },
  use: (lab: Lab) => Promise<T>,
): Promise<T> {
  await Lab.removeStale({ prefix: testPrefix });
  const name = options.name ?? `${testPrefix}${process.pid}-${Math.random().toString(36).slice(2, 7)}`;
  const onExit = (): void => {
    spawnSync(process.execPath, [fileURLToPath(new URL('down-lab.ts', import.meta.url)), name], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    process.exit(signal === 'SIGINT' ? 130 : 143);
  };
  process.once('exit', onExit);
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  try {
    const lab = await Lab.create({ ...options, name });
    try {
      return await use(lab);
    } finally {
      await lab.down();
    }
  } finally {
    process.off('exit', onExit);
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}
