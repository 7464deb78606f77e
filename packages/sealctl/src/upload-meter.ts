import type { UploadProgress } from '@seal/protocol';
import type { Cli } from './cli.ts';
import { countText } from './view/count-text.ts';
import { sizeText } from './view/durations.ts';
import { uploadLine } from './view/upload-line.ts';

/** Shows an upload on stderr: one line that changes on a terminal, one line at the end elsewhere; nothing with --quiet or -o json. */
export function uploadMeter(cli: Cli, reference: string, verb = 'sending') {
  const { stderr, clock } = cli.io;
  const live = stderr.isTTY === true && !cli.flags.quiet && cli.format !== 'json';
  let drawnAt = 0;
  let isDrawn = false;
  const clear = () => {
    if (isDrawn) stderr.write('\r\u001b[2K');
    isDrawn = false;
  };
  return {
    show(progress: UploadProgress) {
      const now = clock.now();
      const isLast = progress.doneBytes === progress.totalBytes;
      if (!live || progress.missingBytes === 0 || (now - drawnAt < 100 && !isLast)) return;
      drawnAt = now;
      isDrawn = true;
      stderr.write(`\r\u001b[2K${uploadLine(reference, progress, (stderr.columns ?? 80) - 1, verb)}`);
    },
    end({ sentBlobs, sentBytes }: { sentBlobs: number; sentBytes: number }) {
      clear();
      if (sentBlobs > 0 && cli.format !== 'json')
        cli.note(`sent ${reference} to the server: ${sizeText(sentBytes)} in ${countText(sentBlobs, 'blob')}`);
    },
    clear,
  };
}
