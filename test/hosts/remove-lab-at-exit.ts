import { spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * From now on the lab of that name is removed when this process ends by itself, by an uncaught error or by SIGINT, SIGTERM or SIGHUP,
 * also while the lab is still being made. Returns the function that ends this. Only SIGKILL leaves a lab; see Lab.removeStale.
 */
export function removeLabAtExit(name: string): () => void {
  const onExit = (): void => {
    const downLab = fileURLToPath(new URL('down-lab.ts', import.meta.url));
    spawnSync(process.execPath, [downLab, name], { stdio: ['ignore', 'ignore', 'inherit'] });
  };
  const onSignal = (signal: (typeof signals)[number]): void => {
    if (signal !== 'SIGHUP') process.stderr.write(`\n${signal}: removing the hosts of lab ${name} …\n`);
    process.exit(128 + constants.signals[signal]);
  };
  process.once('exit', onExit);
  // Not once: a second signal would end this process before the lab is removed.
  for (const signal of signals) process.on(signal, onSignal);
  return () => {
    process.off('exit', onExit);
    for (const signal of signals) process.off(signal, onSignal);
  };
}
