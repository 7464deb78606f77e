import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * From now on the lab of that name is removed when this process ends by itself, by an uncaught error or by SIGINT or SIGTERM,
 * also while the lab is still being made. Returns the function that ends this. Only SIGKILL leaves a lab; see Lab.removeStale.
 */
export function removeLabAtExit(name: string): () => void {
  const onExit = (): void => {
    const downLab = fileURLToPath(new URL('down-lab.ts', import.meta.url));
    spawnSync(process.execPath, [downLab, name], { stdio: ['ignore', 'ignore', 'inherit'] });
  };
  const onInterrupt = (): void => process.exit(130);
  const onTerminate = (): void => process.exit(143);
  process.once('exit', onExit);
  process.once('SIGINT', onInterrupt);
  process.once('SIGTERM', onTerminate);
  return () => {
    process.off('exit', onExit);
    process.off('SIGINT', onInterrupt);
    process.off('SIGTERM', onTerminate);
  };
}
