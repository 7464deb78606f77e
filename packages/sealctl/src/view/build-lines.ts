import type { BuildProgress } from '@seal/cluster-image';
import { cleanText } from './clean-text.ts';
import { sizeText } from './durations.ts';
import type { Paint } from './paint.ts';

/** What a build does, in plain lines: "[2/7] COPY bin bin", below it the output of a RUN, and the layer that came of it. */
export function buildLines(progress: BuildProgress, paint: Paint): string[] {
  switch (progress.kind) {
    case 'instruction': {
      const [first = '', ...rest] = progress.text.split('\n');
      return [paint('bold', `[${progress.number}/${progress.count}] ${cleanText(first)}${rest.length > 0 ? ' …' : ''}`)];
    }
    case 'output':
      return [paint('dim', `  | ${cleanText(progress.line)}`)];
    case 'layer':
      return [`  layer ${progress.digest.slice(7, 19)} ${sizeText(progress.sizeBytes)}${progress.cached ? ' (unchanged)' : ''}`];
    case 'pull':
      return [`  pulling ${cleanText(progress.reference)}`];
    case 'image':
      return [`  image ${progress.number}/${progress.count} ${cleanText(progress.reference)}`];
    case 'warning':
      return [paint('yellow', `  warning: ${cleanText(progress.message)}`)];
  }
}
