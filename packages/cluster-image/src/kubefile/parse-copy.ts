import type { InstructionContext } from './instruction-context.ts';
import type { CopyInstruction, CopySource, Heredoc, Word } from './kubefile.ts';
import { readJsonList } from './read-json-list.ts';
import { splitWords } from './split-words.ts';
import { notYet, takeFlags } from './take-flags.ts';

const refusedFlags = {
  from: 'there are no build stages; COPY takes files from the build context',
  parents: notYet,
  exclude: `${notYet}; name such files in .sealignore`,
  'keep-git-dir': notYet,
  unpack: `${notYet}; ADD unpacks archives of the context and no others`,
};

/** COPY and ADD, in the form of words or of a JSON list (for paths with blanks), with heredocs as sources. */
export function parseCopy(context: InstructionContext): CopyInstruction {
  const { statement, source, escapeCharacter, base } = context;
  const { flags, words } = takeFlags(
    context,
    splitWords(source, statement.rest, escapeCharacter),
    ['chmod', 'chown', 'link', ...(statement.keyword === 'ADD' ? ['checksum'] : [])],
    refusedFlags,
  );
  const paths = jsonPaths(context, words) ?? words;
  const destination = paths.at(-1);
  if (!destination || paths.length < 2) {
    throw context.fail(
      `${statement.keyword} needs a source and a destination; expected ${statement.keyword} SOURCE… DESTINATION`,
    );
  }
  const [chmod, chown, checksum] = [flags.get('chmod'), flags.get('chown'), flags.get('checksum')];
  const sources = paths.slice(0, -1).map((word) => toSource(context, word, statement.heredocs));
  const urls = sources.filter(({ kind }) => kind === 'url');
  if (checksum && urls.length !== 1) throw context.fail('--checksum belongs to one URL among the sources', checksum.at);
  if (urls[0]?.kind === 'url' && !checksum)
    throw context.fail(
      'ADD of a URL needs --checksum=sha256:…, so that the same Kubefile gives the same image; "sha256sum FILE" tells it',
      urls[0].url.at,
    );
  return {
    ...base,
    kind: statement.keyword === 'ADD' ? 'add' : 'copy',
    sources,
    destination,
    ...(chmod ? { chmod } : {}),
    ...(chown ? { chown } : {}),
    ...(checksum ? { checksum } : {}),
  };
}

function toSource(context: InstructionContext, word: Word, heredocs: readonly Heredoc[]): CopySource {
  const heredoc = heredocs.find(({ at }) => at.line === word.at.line && at.column === word.at.column);
  if (heredoc) return { kind: 'heredoc', heredoc };
  if (context.statement.keyword !== 'ADD') return { kind: 'path', path: word };
  if (isUrl(word.raw)) return { kind: 'url', url: word };
  if (/^["']?(?:[a-z][a-z0-9+.-]*:\/\/|git@)/i.test(word.raw))
    throw context.fail(`"${word.raw}" cannot be fetched; expected https://… or http://…, or a path in the context`, word.at);
  return { kind: 'path', path: word };
}

/** Whether a word as written is an http(s) URL. */
export function isUrl(raw: string): boolean {
  return /^["']?https?:\/\//i.test(raw);
}

/**
 * The texts of a JSON list as words in double quotes: nothing in them is split, variables are still expanded. What only looks like a list is
 * refused where Docker takes it for names of files, which nobody means.
 */
function jsonPaths({ statement, fail }: InstructionContext, words: readonly Word[]): readonly Word[] | undefined {
  const first = words[0];
  if (!first?.raw.startsWith('[')) return undefined;
  const offset = statement.rest.positions.findIndex(({ line, column }) => line === first.at.line && column === first.at.column);
  const text = statement.rest.text.slice(offset);
  const list = readJsonList(text);
  if (!list && /^\[\s*["'].*\]\s*$/s.test(text))
    throw fail(
      `this is not a JSON list of texts; expected ${statement.keyword} ["SOURCE", "DESTINATION"] with double quotes`,
      first.at,
    );
  return list?.map((text) => ({ raw: `"${text.replace(/["\\]/g, '\\$&')}"`, at: first.at }));
}
