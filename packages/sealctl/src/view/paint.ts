import { styleText } from 'node:util';

export type Style = 'red' | 'green' | 'yellow' | 'blue' | 'magenta' | 'cyan' | 'dim' | 'bold';

/** Colours a text, or leaves it as it is. Colour is laid on last: a painted text is not measured or cut any more. */
export type Paint = (style: Style, text: string) => string;

export function makePaint(colour: boolean): Paint {
  return colour
    ? (style, text) => (text === '' ? text : styleText(style, text, { validateStream: false }))
    : (_style, text) => text;
}
