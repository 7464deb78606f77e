import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, normalize } from 'node:path';
import { Problem } from '@seal/foundation';
import type { StepArgs } from '@seal/plan';
import type { StepHandler } from './step-handler.ts';

/**
 * Runs `<rootfs>/scripts/<script>` there, as a process that outlives the agent; one that is not executable is run with /bin/bash or /bin/sh.
 * Problems: SCRIPT_MISSING, STEP_INVALID, PROCESS_FAILED, STEP_FAILED.
 */
export const runScript: StepHandler<StepArgs['run-script']> = {
  place: 'process',
  async prepare({ rootfs, script, args, env, optional }, { print }) {
    const cwd = join(rootfs, 'scripts');
    const path = join(cwd, script);
    if (!path.startsWith(`${normalize(cwd)}/`)) throw new Problem('STEP_INVALID', `the script "${script}" is not below ${cwd}`);
    if (!(await isFile(path))) {
      if (!optional)
        throw new Problem('SCRIPT_MISSING', `the script scripts/${script} is not in the rootfs ${rootfs} on node ${hostname()}`);
      await print(`scripts/${script} is not in this ClusterImage; it is optional`);
      return 'SKIPPED';
    }
    const argv = (await canExecute(path))
      ? [path, ...args]
      : [(await isFile('/bin/bash')) ? '/bin/bash' : '/bin/sh', path, ...args];
    return { command: { argv, env, cwd }, okExitCodes: [0] };
  },
};

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    throw error;
  }
}

async function canExecute(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
