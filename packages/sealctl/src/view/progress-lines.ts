import { type Phase, type PhaseView, type StepView, tookMs } from '@seal/plan';
import { cleanText } from './clean-text.ts';
import { displayWidth, fitWidth, padWidth } from './display-width.ts';
import { durationText } from './durations.ts';
import type { Paint, Style } from './paint.ts';
import { lastLine, nodeName, type Progress } from './progress.ts';

export interface Screen {
  readonly columns: number;
  readonly rows: number;
  readonly now: number;
  readonly paint: Paint;
}

const spinner = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const running = new Set<StepView['status']>(['DISPATCHED', 'STARTED']);
const bad = new Set<StepView['status']>(['FAILED', 'UNKNOWN', 'CANCELLED']);

/**
 * The live tree of an operation: a heading, its phases, and below each running phase its nodes with the step they run and the last
 * line that step printed. Never wider than `columns` nor higher than `rows`: what does not fit is summed up in a line.
 */
export function progressLines(progress: Progress, screen: Screen): string[] {
  const { plan, view } = progress;
  const blocks = plan.phases.map((phase) => phaseBlock(progress, phase, screen));
  const room = Math.max(3, screen.rows - 2);
  const elapsed = view.createdAt > 0 ? durationText(tookMs(view, screen.now)) : '';
  const right = [progress.operation, elapsed].filter(Boolean).join('  ');
  const heading = sides(cleanText(plan.summary), right, screen.columns, 'bold', screen.paint);
  return [heading, ...(view.waitingFor ? [waitingLine(view.waitingFor, screen)] : []), ...fitRows(blocks, room, screen)];
}

interface Block {
  readonly status: PhaseView['status'];
  readonly lines: string[];
}

function phaseBlock(progress: Progress, phase: Phase, screen: Screen): Block {
  const found = progress.view.phases.get(phase.name);
  const status = found?.status ?? 'PENDING';
  const steps = phase.steps.map((step) => progress.view.steps.get(step.id)).filter((step) => step !== undefined);
  const done = steps.filter((step) => step.status === 'SUCCEEDED' || step.status === 'SKIPPED').length;
  const count = status === 'PENDING' ? '' : `${done}/${steps.length}`;
  const time = found?.startedAt === undefined ? '' : durationText((found.finishedAt ?? screen.now) - found.startedAt);
  const [mark, style] = markOf(status, screen);
  const title = `${mark} ${cleanText(phase.title)}`;
  const lines = [sides(title, `${padWidth(count, 7)} ${time.padStart(7)}`, screen.columns, style, screen.paint, 1)];
  if (status === 'RUNNING' || status === 'FAILED') lines.push(...nodeLines(progress, steps, screen));
  return { status, lines };
}

/** The nodes that do something or went wrong; those that wait or are done only count in the phase's line. */
function nodeLines(progress: Progress, steps: readonly StepView[], screen: Screen): string[] {
  const shown = steps.filter((step) => running.has(step.status) || bad.has(step.status));
  const nameWidth = Math.min(24, Math.max(0, ...shown.map((step) => displayWidth(nodeName(progress, step.node)))));
  return shown.flatMap((step) => {
    const [mark, style] = stepMark(step, screen);
    const name = padWidth(fitWidth(nodeName(progress, step.node), nameWidth), nameWidth);
    const time = running.has(step.status) ? screen.now - (step.startedAt ?? screen.now) : (step.durationMs ?? 0);
    const stalled = running.has(step.status) && step.stalledAt !== undefined ? ' (no output for long)' : '';
    const title = `${cleanText(progress.steps.get(step.id)?.step.title ?? step.id)}${stalled}`;
    const line = sides(`${name} ${mark} ${title}`, durationText(time), screen.columns, style, screen.paint, 4);
    const last = lastLine(progress, step.id);
    if (last === '') return [line];
    return [line, screen.paint('dim', fitWidth(`${' '.repeat(nameWidth + 7)}${last}`, screen.columns))];
  });
}

function markOf(status: PhaseView['status'], screen: Screen): [string, Style] {
  if (status === 'SUCCEEDED') return ['✔', 'green'];
  if (status === 'FAILED') return ['✘', 'red'];
  if (status === 'CANCELLED') return ['■', 'yellow'];
  return status === 'RUNNING' ? [spin(screen), 'cyan'] : ['·', 'dim'];
}

function stepMark(step: StepView, screen: Screen): [string, Style] {
  if (step.status === 'FAILED') return ['✘', 'red'];
  if (step.status === 'UNKNOWN') return ['?', 'red'];
  if (step.status === 'CANCELLED') return ['■', 'yellow'];
  return [spin(screen), 'cyan'];
}

function spin(screen: Screen): string {
  return spinner[Math.floor(screen.now / 100) % spinner.length]!;
}

function waitingLine(reason: string, screen: Screen): string {
  return screen.paint('yellow', fitWidth(` waiting: ${cleanText(reason)}`, screen.columns));
}

/** Text on the left, text at the right edge; the left one gives way. */
function sides(left: string, right: string, columns: number, style: Style, paint: Paint, indent = 0): string {
  const space = columns - indent - displayWidth(right) - 2;
  if (space < 12) return paint(style, fitWidth(`${' '.repeat(indent)}${left}`, columns));
  return `${' '.repeat(indent)}${paint(style, padWidth(fitWidth(left, space), space))}  ${right}`.trimEnd();
}

/** Finished and pending phases are summed up first, then the details of running ones are cut. */
function fitRows(blocks: readonly Block[], room: number, screen: Screen): string[] {
  const all = blocks.flatMap((block) => block.lines);
  if (all.length <= room) return all;
  const sum = (count: number, what: string, style: Style) =>
    count > 0 ? [screen.paint(style, fitWidth(` ${count} ${count === 1 ? 'phase' : 'phases'} ${what}`, screen.columns))] : [];
  const done = blocks.filter((block) => block.status === 'SUCCEEDED').length;
  const pending = blocks.filter((block) => block.status === 'PENDING').length;
  const active = blocks
    .filter((block) => block.status !== 'SUCCEEDED' && block.status !== 'PENDING')
    .flatMap((block) => block.lines);
  const above = sum(done, 'done', 'green');
  const below = sum(pending, 'to come', 'dim');
  const space = room - above.length - below.length;
  const cut =
    active.length > space
      ? [...active.slice(0, space - 1), fitWidth(` … ${active.length - space + 1} more lines`, screen.columns)]
      : active;
  return [...above, ...cut, ...below];
}
