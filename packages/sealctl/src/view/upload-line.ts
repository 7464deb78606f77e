import type { UploadProgress } from '@seal/protocol';
import { fitWidth } from './display-width.ts';
import { sizeText } from './durations.ts';

/** A progress bar over the bytes that the server lacked: "sending kubernetes:1.20.2 [#####-----]  50% 120 MiB of 240 MiB". */
export function uploadLine(
  reference: string,
  { doneBytes, totalBytes, missingBytes }: UploadProgress,
  columns: number,
  verb = 'sending',
): string {
  const sent = Math.max(0, doneBytes - (totalBytes - missingBytes));
  const share = missingBytes === 0 ? 1 : sent / missingBytes;
  const width = 24;
  const filled = Math.floor(share * width);
  const bar = `[${'#'.repeat(filled)}${'-'.repeat(width - filled)}]`;
  const percent = `${Math.floor(share * 100)}%`.padStart(4);
  return fitWidth(`${verb} ${reference} ${bar} ${percent} ${sizeText(sent)} of ${sizeText(missingBytes)}`, columns);
}
