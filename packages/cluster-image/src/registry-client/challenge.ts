/** What a registry asks for in WWW-Authenticate. */
export interface Challenge {
  /** Lower case: `bearer`, `basic`. */
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const word = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const parameter = /\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))\s*/y;

/** Reads a WWW-Authenticate header (RFC 9110), which may hold several challenges. What cannot be read is left out. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  let at = 0;
  const skip = () => {
    while (at < header.length && /[\s,]/.test(header[at]!)) at += 1;
  };
  for (skip(); at < header.length; skip()) {
    word.lastIndex = at;
    const scheme = word.exec(header)?.[0];
    if (scheme === undefined) break;
    at = word.lastIndex;
    const parameters: Record<string, string> = {};
    for (;;) {
      parameter.lastIndex = at;
      const match = parameter.exec(header);
      if (!match) break;
      parameters[match[1]!.toLowerCase()] = match[2]?.replace(/\\(.)/g, '$1') ?? match[3] ?? '';
      at = parameter.lastIndex;
      if (header[at] !== ',') break;
      at += 1;
    }
    challenges.push({ scheme: scheme.toLowerCase(), parameters });
  }
  return challenges;
}
