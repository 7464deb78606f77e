import { Problem } from '@seal/foundation';
import type { planProto } from '@seal/protocol';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { collect, parseSeconds } from './options.ts';

/** Flags that say what an operation does when a node fails or a step hangs. */
export interface PolicyFlags {
  readonly failFast?: boolean;
  readonly continue?: boolean;
  readonly skipNode?: readonly string[];
  readonly maxUnavailable?: string;
  readonly timeout?: number;
  readonly stall?: number;
  readonly stallAction?: string;
}

export function policyFlags(command: Command): Command {
  return command
    .addOption(new Option('--fail-fast', 'stop at the first step that fails (default)').conflicts('continue'))
    .option(
      '--continue',
      'leave a worker that fails where it is and go on with the others; the operation ends as failed all the same',
    )
    .option('--skip-node <node>', "leave out the rest of a node's steps; may be given several times", collect)
    .option(
      '--max-unavailable <count>',
      'workers that may be out of service at once, with --continue also failed: 3 or 10%',
      parseShare,
    )
    .option('--timeout <time>', 'how long the whole operation may take (default: only its steps have limits)', parseSeconds)
    .option(
      '--stall <time>',
      'tell of a running step that has printed nothing for so long (default: 2m to 15m, by its kind)',
      parseSeconds,
    )
    .addOption(
      new Option('--stall-action <action>', 'what else to do then: nothing, or end the step').choices(['report', 'cancel']),
    );
}

/** The policy of a request; what no flag says is empty. Problem: USAGE. */
export function readPolicy(flags: PolicyFlags): planProto.OperationPolicy {
  if (flags.failFast && flags.continue) throw new Problem('USAGE', '--fail-fast and --continue contradict each other');
  return {
    onFailure: flags.continue ? 'continue' : flags.failFast ? 'fail-fast' : '',
    maxUnavailable: flags.maxUnavailable ?? '',
    timeoutSeconds: flags.timeout ?? 0,
    stallSeconds: flags.stall ?? 0,
    stallAction: flags.stallAction ?? '',
    skipNodes: [...(flags.skipNode ?? [])],
  };
}

function parseShare(text: string): string {
  if (!/^([1-9]\d{0,8}|([1-9]\d?|100)%)$/.test(text))
    throw new InvalidArgumentError('Expected a number of nodes (at least 1) or a share such as 10%.');
  return text;
}
