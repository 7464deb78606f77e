import Table from 'cli-table3';
import { cleanText } from './clean-text.ts';
import type { Paint } from './paint.ts';

const none = '';
const noBorders = Object.fromEntries(
  'top top-mid top-left top-right bottom bottom-mid bottom-left bottom-right left left-mid mid mid-mid right right-mid'
    .split(' ')
    .map((part) => [part, none]),
);

/** Rows below a heading, columns aligned, no borders: for reading and for `awk`. Cells are cleaned; an empty cell is "-". */
export function tableText(heading: readonly string[], rows: readonly (readonly string[])[], paint: Paint): string {
  const table = new Table({
    head: heading.map((title) => paint('bold', title.toUpperCase())),
    chars: { ...noBorders, middle: '  ' },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true },
  });
  table.push(...rows.map((row) => row.map((cell) => cleanText(cell) || '-')));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/** Names and values below each other, for one thing's details. Values that are empty are left out. */
export function fieldsText(fields: readonly (readonly [name: string, value: string])[], paint: Paint): string {
  const shown = fields.filter(([, value]) => value !== '');
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${paint('bold', `${name}:`.padEnd(width + 2))}${cleanText(value)}`).join('\n');
}
