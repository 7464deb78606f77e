import { Problem } from '@seal/foundation';

const maximumPathBytes = 4096;
const maximumNameBytes = 255;

/** The markers that a layer removes things of lower layers with. */
export const whiteoutPrefix = '.wh.';
export const opaqueMarker = '.wh..wh..opq';

/**
 * The parts of an archive entry's path, without `.` and empty ones; empty for the root itself. Throws LAYER_HOSTILE for absolute paths,
 * `..`, NUL bytes, names too long for Linux, and whiteouts that would remove `.`, `..` or nothing.
 */
export function entryPath(written: string, archive: string): readonly string[] {
  if (written.startsWith('/')) throw hostile(archive, written, 'its path is absolute');
  if (written.includes('\0')) throw hostile(archive, written, 'its path has a NUL byte');
  if (Buffer.byteLength(written) > maximumPathBytes)
    throw hostile(archive, `${written.slice(0, 60)}…`, `its path has more than ${maximumPathBytes} bytes`);
  const parts = written.split('/').filter((part) => part !== '' && part !== '.');
  for (const part of parts) {
    if (part === '..') throw hostile(archive, written, 'its path has ".."');
    if (Buffer.byteLength(part) > maximumNameBytes)
      throw hostile(archive, `${written.slice(0, 60)}…`, `a name in its path has more than ${maximumNameBytes} bytes`);
    if (part.startsWith(whiteoutPrefix) && ['', '.', '..'].includes(part.slice(whiteoutPrefix.length)))
      throw hostile(archive, written, 'it would remove ".", ".." or nothing');
  }
  for (const part of parts.slice(0, -1))
    if (part.startsWith(whiteoutPrefix)) throw hostile(archive, written, `it lies below the removal marker "${part}"`);
  return parts;
}

/** The Problem for an entry that must not be unpacked. */
export function hostile(archive: string, entry: string, why: string): Problem {
  const message = `${archive} has the entry ${JSON.stringify(entry)}, which is refused: ${why}`;
  return new Problem('LAYER_HOSTILE', message, { details: { archive, entry } });
}
