export { baseTree } from './base-tree.ts';
export { Host } from './host.ts';
export { hostsHindrance } from './hosts-hindrance.ts';
export { Lab, type LabOptions } from './lab.ts';
export type { HostBind, HostSpec } from './lab-state.ts';
export { pollUntil } from './poll-until.ts';
export type { CommandOptions, CommandResult } from './run-command.ts';
export { withLab } from './with-lab.ts';
