import { type Clock, sleep } from '@seal/foundation';
import type { StepArgs } from '@seal/plan';
import { runTool, type ToolResult } from '../host/run-tool.ts';
import type { StepHandler } from './step-handler.ts';

/**
 * Probes until it is so; the step's timeout is the only end otherwise. Prints what the probe says whenever that changes.
 * Probes do not outlive the agent: after its restart the waiting begins anew. Problem: COMMAND_NOT_FOUND.
 */
export function waitFor(clock: Clock): StepHandler<StepArgs['wait-for']> {
  return {
    place: 'agent',
    async perform({ what, argv, env, intervalSeconds, expect }, { signal, print }) {
      await print(`waiting for ${what}`);
      for (let said = ''; ; ) {
        const result = await runTool({ argv, env, signal });
        if (result.exitCode === 0 && (expect === undefined || result.stdout.includes(expect))) break;
        const says = describe(result);
        if (says !== said) await print(says);
        said = says;
        await sleep(clock, intervalSeconds * 1000, signal);
      }
      await print(`${what}: yes`);
      return 'SUCCEEDED';
    },
  };
}

function describe({ exitCode, stdout, stderr }: ToolResult): string {
  const last = (stderr.trim() || stdout.trim()).split('\n').at(-1) ?? '';
  return `not yet (${exitCode === undefined ? 'killed' : `exit code ${exitCode}`})${last ? `: ${last.slice(-300)}` : ''}`;
}
