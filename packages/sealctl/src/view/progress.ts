import { applyEvent, emptyOperationView, type OperationView, type Phase, type Plan, type PlanNode, type Step } from '@seal/plan';
import type { operationProto, WatchItem } from '@seal/protocol';
import { cleanText } from './clean-text.ts';
import { type LineReader, lineReader } from './line-reader.ts';

/** How much of a step's output is kept to be shown. */
export const tailLines = 20;

/** What is known of an operation that is being watched. Grows by `applyItem`; views read it. */
export interface Progress {
  readonly operation: string;
  readonly plan: Plan;
  readonly view: OperationView;
  readonly steps: ReadonlyMap<string, { readonly step: Step; readonly phase: Phase }>;
  readonly nodes: ReadonlyMap<string, PlanNode>;
  /** Last lines of each step's output (both streams, as they came), clean; at most `tailLines`. */
  readonly tails: Map<string, string[]>;
  readonly readers: Map<string, LineReader>;
}

/** The state before the first event. */
export function newProgress(operation: string, plan: Plan): Progress {
  return {
    operation,
    plan,
    view: emptyOperationView(operation, plan),
    steps: new Map(plan.phases.flatMap((phase) => phase.steps.map((step) => [step.id, { step, phase }] as const))),
    nodes: new Map(plan.nodes.map((node) => [node.id, node])),
    tails: new Map(),
    readers: new Map(),
  };
}

/** Takes in one event or piece of output, in place. Gives the complete lines of output that it brought. */
export function applyItem(progress: Progress, item: Exclude<WatchItem, { kind: 'plan' }>): string[] {
  if (item.kind === 'output') return applyOutput(progress, item.output);
  // A new attempt begins with a clean page.
  if (item.event.type === 'step-dispatched') progress.tails.delete(item.event.step);
  applyEvent(progress.view, item.event);
  return [];
}

/** The line that a step printed last, finished or not; empty when it printed nothing. */
export function lastLine(progress: Progress, step: string): string {
  const attempt = progress.view.steps.get(step)?.attempt ?? 1;
  const begun = [1, 2].map((stream) => cleanText(progress.readers.get(`${step}/${attempt}/${stream}`)?.rest ?? ''));
  return begun.find((text) => text.trim() !== '') ?? progress.tails.get(step)?.findLast((line) => line.trim() !== '') ?? '';
}

/** Name of a node of the plan, its id where the plan does not hold it. */
export function nodeName(progress: Progress, id: string): string {
  return cleanText(progress.nodes.get(id)?.name ?? id);
}

function applyOutput(progress: Progress, { step, attempt, stream, data, droppedBytes }: operationProto.OutputChunk): string[] {
  const key = `${step}/${attempt}/${stream}`;
  const reader = progress.readers.get(key) ?? lineReader();
  progress.readers.set(key, reader);
  const dropped = droppedBytes > 0 ? [`(${droppedBytes} bytes of output were dropped here)`] : [];
  const lines = [...dropped, ...reader.push(data)];
  const tail = [...(progress.tails.get(step) ?? []), ...lines.slice(-tailLines).map(cleanText)];
  progress.tails.set(step, tail.slice(-tailLines));
  return lines;
}
