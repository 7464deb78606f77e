import type { Clock } from '@seal/foundation';
import type { LayerStore } from '../host/layer-store.ts';
import type { RootfsMounts } from '../host/rootfs-mounts.ts';
import { fetchLayers } from './fetch-layers.ts';
import { hostAliases } from './host-aliases.ts';
import { layOver } from './lay-over.ts';
import { manageUnit } from './manage-unit.ts';
import { mountRootfs } from './mount-rootfs.ts';
import { removePaths } from './remove-paths.ts';
import { renderTemplates } from './render-templates.ts';
import { runCommand } from './run-command.ts';
import { runScript } from './run-script.ts';
import type { StepHandlers } from './step-handler.ts';
import { unmountRootfs } from './unmount-rootfs.ts';
import { waitFor } from './wait-for.ts';
import { writeFiles } from './write-files.ts';

export interface HandlerPorts {
  readonly clock: Clock;
  readonly layers: LayerStore;
  readonly mounts: RootfsMounts;
  readonly hostsFile: string;
  /** Directories of the agent, which no step removes. */
  readonly ownDirectories: readonly string[];
}

/** What this agent can do: one handler for each kind of step. */
export function stepHandlers({ clock, layers, mounts, hostsFile, ownDirectories }: HandlerPorts): StepHandlers {
  return {
    'fetch-layers': fetchLayers(layers),
    'mount-rootfs': mountRootfs(layers, mounts),
    'lay-over': layOver(layers, mounts),
    'render-templates': renderTemplates(mounts),
    'unmount-rootfs': unmountRootfs(mounts),
    'write-files': writeFiles,
    'remove-paths': removePaths(ownDirectories),
    'host-aliases': hostAliases(hostsFile),
    'run-script': runScript,
    'run-command': runCommand,
    'wait-for': waitFor(clock),
    'manage-unit': manageUnit,
  };
}
