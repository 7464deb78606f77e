import type { OperationLog } from '../operation/operation-log.ts';

/** True when an unfinished operation tells this node to fetch this blob: the only blobs that an agent may have. */
export function mayFetchBlob(log: OperationLog, nodeId: string, digest: string): boolean {
  return log
    .allActive()
    .some(({ plan }) =>
      plan.phases.some((phase) =>
        phase.steps.some(
          (step) =>
            step.node === nodeId && step.kind === 'fetch-layers' && step.args.layers.some((layer) => layer.digest === digest),
        ),
      ),
    );
}
