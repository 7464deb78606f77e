const taking = new Set(['-f', '--values', '--set', '--set-string', '--set-json', '--set-file']);

/**
 * The values that the commands of an app (APPCMDS) give to helm: `-f`, `--values`, `--set…` with their arguments, in their order. Paths of
 * files are relative to the folder of the app, where its commands run.
 */
export function chartValues(commands: readonly string[]): string[] {
  const words = shellWords(commands.join(' '));
  const values: string[] = [];
  for (const [index, word] of words.entries()) {
    const equals = word.indexOf('=');
    const name = word.startsWith('--') && equals > 0 ? word.slice(0, equals) : word;
    const value = name === word ? words[index + 1] : word.slice(equals + 1);
    if (taking.has(name) && value !== undefined) values.push(name === '-f' ? '--values' : name, value);
  }
  return values;
}

/** Words as a shell splits them: quotes and backslashes; nothing is expanded. */
function shellWords(line: string): string[] {
  const words: string[] = [];
  for (const [word] of line.matchAll(/(?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^\s'"\\])+/gs))
    words.push(
      word.replace(
        /'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)/gs,
        (_all, single, double, escaped) => single ?? double?.replace(/\\(.)/gs, '$1') ?? escaped ?? '',
      ),
    );
  return words;
}
