import { Problem } from '@seal/foundation';
import type { StepArgs } from '@seal/plan';
import { runTool } from '../host/run-tool.ts';
import type { StepContext, StepHandler } from './step-handler.ts';

const commands = {
  start: [['daemon-reload'], ['enable', '--now']],
  restart: [['daemon-reload'], ['restart']],
  stop: [['disable', '--now']],
} as const;

/** Starts, restarts or stops a systemd unit. Problems: UNIT_FAILED, COMMAND_NOT_FOUND (no systemctl). */
export const manageUnit: StepHandler<StepArgs['manage-unit']> = {
  place: 'agent',
  async perform({ unit, action }, context) {
    if (action === 'stop' && (await isUnknown(unit, context))) {
      await context.print(`there is no unit ${unit}`);
      return 'SUCCEEDED';
    }
    for (const command of commands[action]) {
      const argv = command[0] === 'daemon-reload' ? ['systemctl', ...command] : ['systemctl', ...command, '--', unit];
      await context.print(argv.join(' '));
      const { exitCode, stderr } = await runTool({ argv, signal: context.signal });
      if (stderr.trim()) await context.print(stderr.trimEnd());
      if (exitCode !== 0) throw await failure(unit, action, stderr, context);
    }
    return 'SUCCEEDED';
  },
};

async function isUnknown(unit: string, { signal }: StepContext): Promise<boolean> {
  const { stdout } = await runTool({ argv: ['systemctl', 'show', '--property=LoadState', '--value', '--', unit], signal });
  return stdout.trim() === 'not-found';
}

async function failure(unit: string, action: string, stderr: string, { signal, print }: StepContext): Promise<Problem> {
  const status = await runTool({ argv: ['systemctl', 'status', '--no-pager', '--lines=20', '--', unit], signal });
  await print(status.stdout.trimEnd());
  return new Problem(
    'UNIT_FAILED',
    `systemctl could not ${action} ${unit}: ${stderr.trim().split('\n')[0] ?? 'no reason given'}`,
  );
}
