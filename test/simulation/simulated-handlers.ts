import type { StepArgs } from '@seal/plan';
import { resolveContent } from '../../agent/src/steps/resolve-content.ts';
import { runCommand } from '../../agent/src/steps/run-command.ts';
import type { StepHandler, StepHandlers } from '../../agent/src/steps/step-handler.ts';
import type { Host } from './host.ts';
import type { Life } from './life.ts';
import { tokenOf } from './scenario.ts';

/** What steps do on a simulated host: processes by the agent's own handler, work inside the agent (write-files), and scripts that are not there. */
export function simulatedHandlers(host: Host, life: Life): StepHandlers {
  const writeFiles: StepHandler<StepArgs['write-files']> = {
    place: 'agent',
    async perform(args, { attempt, secrets, signal, print }) {
      for (const { content } of args.files) resolveContent(content, secrets);
      const token = tokenOf({ kind: 'write-files', args });
      if (!life.point('write-files')) return new Promise(() => undefined);
      const run = host.begin(token, { step: host.world.observer.stepOf(token).id, attempt });
      life.onEnd(() => {
        if (run.end === undefined) run.end = 'vanished';
        run.isEndLost = true;
      });
      try {
        const { output, exitCodes } = host.behaviour(token);
        for (const { bytes } of output) {
          signal.throwIfAborted();
          await print('x'.repeat(bytes));
        }
        const refuse = () => (host.isFull ? new Error('ENOSPC: simulated') : undefined);
        await life.call('write-files', () => host.takeEffect(run), { refuse });
        signal.throwIfAborted();
        if (exitCodes[run.number]) throw new Error('simulated failure of a handler');
        run.end = 0;
        return 'SUCCEEDED';
      } catch (error) {
        run.end = 1;
        throw error;
      }
    },
  };
  const skip: StepHandler<StepArgs['run-script']> = {
    place: 'process',
    prepare: () => life.call('run-script', () => 'SKIPPED' as const),
  };
  const absent = <A>(): StepHandler<A> => ({
    place: 'agent',
    perform: () => Promise.reject(new Error('no scenario has a step of this kind')),
  });
  return {
    'run-command': runCommand,
    'write-files': writeFiles,
    'run-script': skip,
    'fetch-layers': absent(),
    'mount-rootfs': absent(),
    'lay-over': absent(),
    'render-templates': absent(),
    'unmount-rootfs': absent(),
    'remove-paths': absent(),
    'host-aliases': absent(),
    'wait-for': absent(),
    'manage-unit': absent(),
  };
}
