import type { StepArgs } from '@seal/plan';
import { resolveContent } from './resolve-content.ts';
import type { StepHandler } from './step-handler.ts';

/** Runs a program as a process that outlives the agent. Problems: SECRET_MISSING, COMMAND_NOT_FOUND, PROCESS_FAILED, STEP_FAILED. */
export const runCommand: StepHandler<StepArgs['run-command']> = {
  place: 'process',
  async prepare({ argv, env, cwd, stdin, okExitCodes = [0] }, { secrets }) {
    const given = stdin ? { stdin: resolveContent(stdin, secrets) } : {};
    return { command: { argv, env, ...(cwd ? { cwd } : {}), ...given }, okExitCodes };
  },
};
