import { stripVTControlCharacters } from 'node:util';

/**
 * Text from elsewhere (output of steps, names) as it may be shown on a terminal: escape sequences removed, other control characters,
 * also invisible ones that reorder text, made visible, tabs as two spaces. One line in, one line out.
 */
export function cleanText(text: string): string {
  // A progress bar rewrites its line after a carriage return: what a terminal would show last is what counts.
  const shown = text.replace(/\r+$/, '').split('\r').at(-1) ?? '';
  return stripVTControlCharacters(shown).replace(/\t/g, '  ').replace(unwanted, visible);
}

// C0, DEL, C1, bidirectional overrides and isolates, zero-width characters but for the joiner of emoji, line separators.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a terminal
const unwanted = /[\u0000-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

function visible(character: string): string {
  return `\\u{${character.codePointAt(0)!.toString(16)}}`;
}
