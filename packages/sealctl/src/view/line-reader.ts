import { StringDecoder } from 'node:string_decoder';

export interface LineReader {
  /** The lines that these bytes complete. Characters and lines may be cut anywhere between two calls. */
  push(data: Uint8Array): string[];
  /** What was begun and is not complete yet. */
  readonly rest: string;
  /** The last, unfinished line, where there is one. */
  end(): string[];
}

const longestLine = 64 * 1024;

/** Makes lines of a stream of UTF-8 bytes; a line longer than 64 Ki characters is cut into several. */
export function lineReader(): LineReader {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  return {
    push(data) {
      rest += decoder.write(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      while (rest.length > longestLine) {
        lines.push(rest.slice(0, longestLine));
        rest = rest.slice(longestLine);
      }
      return lines;
    },
    get rest() {
      return rest;
    },
    end() {
      const last = rest + decoder.end();
      rest = '';
      return last === '' ? [] : [last];
    },
  };
}
