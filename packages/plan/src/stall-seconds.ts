import type { Step, StepKind } from './step.ts';

const minute = 60;

/** How long a step of each kind may be silent before it counts as stalled. What only touches a few files is quick or stuck. */
const byKind: Readonly<Record<StepKind, number>> = {
  'fetch-layers': 15 * minute,
  'mount-rootfs': 15 * minute,
  'lay-over': 15 * minute,
  'render-templates': 2 * minute,
  'unmount-rootfs': 5 * minute,
  'write-files': 2 * minute,
  'remove-paths': 5 * minute,
  'host-aliases': 2 * minute,
  'run-script': 15 * minute,
  'run-command': 15 * minute,
  'wait-for': 15 * minute,
  'manage-unit': 5 * minute,
};

/** Seconds without output after which a step in flight on a connected node counts as stalled. */
export function stallSecondsOf(step: Pick<Step, 'kind'>): number {
  return byKind[step.kind];
}
