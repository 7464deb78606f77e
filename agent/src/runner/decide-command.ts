import type { JournalEntry } from './journal-state.ts';

export interface CommandState {
  /** Attempt that the command asks for. */
  readonly attempt: number;
  /** The journal's entry of that attempt, and of the highest attempt of the step. */
  readonly known: JournalEntry | undefined;
  readonly latest: JournalEntry | undefined;
  /** Its entry of whichever attempt has SUCCEEDED or was SKIPPED. */
  readonly succeeded: JournalEntry | undefined;
  /** Attempt of the step that is being worked on right now. */
  readonly liveAttempt: number | undefined;
  /** True when that entry was accepted but its work was certainly never begun. */
  readonly neverRan: (entry: JournalEntry) => boolean;
}

export type CommandDecision =
  /** Being worked on: say so again. */
  | { readonly do: 'answer-running' }
  /** Answer from the journal. */
  | { readonly do: 'answer-finished'; readonly entry: JournalEntry }
  /** A higher attempt is known: this command was overtaken. */
  | { readonly do: 'ignore' }
  /** A lower attempt is still being worked on: decide again when it has ended. */
  | { readonly do: 'hold' }
  /** The step has succeeded under a lower attempt: the same outcome holds for this one. */
  | { readonly do: 'repeat-outcome'; readonly entry: JournalEntry }
  | { readonly do: 'run' }
  /** It may have had its effect: its `effect` tells how to go on. */
  | { readonly do: 'resolve-doubt' };

/** The exactly-once rules of agent.proto: what a RunStep leads to. Pure. */
export function decideCommand(state: CommandState): CommandDecision {
  const { attempt, known, latest, succeeded, liveAttempt, neverRan } = state;
  if (liveAttempt === attempt) return { do: 'answer-running' };
  if (known?.finished) return { do: 'answer-finished', entry: known };
  if (liveAttempt !== undefined) return liveAttempt > attempt ? { do: 'ignore' } : { do: 'hold' };
  if (!latest) return { do: 'run' };
  if (latest.attempt > attempt) return { do: 'ignore' };
  // Also when a later attempt was begun to say so and was lost.
  if (succeeded) return { do: 'repeat-outcome', entry: succeeded };
  switch (latest.finished?.outcome) {
    case 'FAILED':
    case 'CANCELLED':
      // One that ended before it began leaves the doubt about an earlier attempt as it was.
      return latest.accepted.inDoubt && !latest.started ? { do: 'resolve-doubt' } : { do: 'run' };
    case 'UNKNOWN':
      return { do: 'resolve-doubt' };
    default:
      return neverRan(latest) ? { do: 'run' } : { do: 'resolve-doubt' };
  }
}
