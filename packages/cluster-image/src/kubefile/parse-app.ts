import type { InstructionContext } from './instruction-context.ts';
import type { Assignment, CopySource, Instruction, Word } from './kubefile.ts';
import { checkVariableName, parsePair } from './parse-assignments.ts';
import { isUrl } from './parse-copy.ts';
import { readJsonList } from './read-json-list.ts';
import { splitWords } from './split-words.ts';
import { takeFlags } from './take-flags.ts';

/** APP, CNI and CSI: `NAME SOURCE…`, each source `local://PATH` in the context or an http(s) URL. */
export function parseApp(context: InstructionContext): Instruction {
  const { statement, base } = context;
  const { flags, words } = takeFlags(context, wordsOf(context), ['checksum'], {});
  const [name, ...written] = words;
  if (!name || written.length === 0)
    throw context.fail(`${statement.keyword} needs a name and a source; expected ${statement.keyword} NAME local://PATH…`);
  const sources = written.map((word) => toSource(context, word));
  const checksum = flags.get('checksum');
  if (checksum && sources.filter(({ kind }) => kind === 'url').length !== 1)
    throw context.fail('--checksum belongs to one URL among the sources', checksum.at);
  const kind = ({ APP: 'app', CNI: 'cni', CSI: 'csi' } as const)[statement.keyword as 'APP' | 'CNI' | 'CSI'];
  return { ...base, kind, name, sources, ...(checksum ? { checksum } : {}) };
}

/** `APPENV NAME K=V…` */
export function parseAppEnv(context: InstructionContext): Instruction {
  const [app, ...pairs] = wordsOf(context);
  if (!app || pairs.length === 0) throw context.fail('APPENV needs an app and values; expected APPENV NAME K=V…');
  const assignments = pairs.map((word): Assignment => parsePair(context, word));
  for (const { name } of assignments) checkVariableName(context, name);
  return { ...context.base, kind: 'app-env', app, assignments };
}

/** `APPCMDS NAME ["…"]` */
export function parseAppCmds(context: InstructionContext): Instruction {
  const { text, positions } = context.statement.rest;
  const bracket = text.search(/\s\[/) + 1;
  const head = { text: text.slice(0, bracket).trimEnd(), positions: positions.slice(0, bracket) };
  const [app, more] = splitWords(context.source, head, context.escapeCharacter);
  const words = bracket > 0 ? readJsonList(text.slice(bracket)) : undefined;
  if (!app || more || !words || words.length === 0)
    throw context.fail(
      'expected APPCMDS NAME ["…"…], a JSON list of texts with double quotes',
      bracket > 0 ? positions[bracket] : undefined,
    );
  return { ...context.base, kind: 'app-cmds', app, words };
}

/** `LAUNCH NAME…`, or a JSON list of names. */
export function parseLaunch(context: InstructionContext): Instruction {
  const { text, positions } = context.statement.rest;
  const at = positions[0] ?? context.statement.at;
  const list = text.startsWith('[') ? readJsonList(text) : undefined;
  if (text.startsWith('[') && !list) throw context.fail('this is not a JSON list of texts; expected LAUNCH NAME…', at);
  const apps = list ? list.map((raw): Word => ({ raw, at })) : wordsOf(context);
  if (apps.length === 0) throw context.fail('the list of LAUNCH is empty', at);
  return { ...context.base, kind: 'launch', apps };
}

function toSource(context: InstructionContext, word: Word): Exclude<CopySource, { kind: 'heredoc' }> {
  const local = /^(["']?)local:\/\/(?=.)/.exec(word.raw);
  if (local) {
    const quote = local[1] ?? '';
    return { kind: 'path', path: { raw: `${quote}${word.raw.slice(local[0].length)}`, at: word.at } };
  }
  if (isUrl(word.raw)) return { kind: 'url', url: word };
  throw context.fail(`the source "${word.raw}" begins with none of local://, https:// and http://`, word.at);
}

function wordsOf({ source, statement, escapeCharacter }: InstructionContext): readonly Word[] {
  return splitWords(source, statement.rest, escapeCharacter);
}
