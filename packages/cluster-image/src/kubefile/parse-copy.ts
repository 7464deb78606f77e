import type { CopyInstruction, CopySource, Heredoc, Word } from './kubefile.ts';
import { kubefileProblem } from './kubefile-problem.ts';
import type { InstructionContext } from './parse-instruction.ts';
import { readJsonList } from './read-json-list.ts';
import { splitWords } from './split-words.ts';
import { takeFlags } from './take-flags.ts';

const flagsForLater = ['from', 'chown', 'parents', 'exclude', 'checksum', 'keep-git-dir', 'unpack'];

/** COPY and ADD, in the form of words or of a JSON list (for paths with blanks), with heredocs as sources. */
export function parseCopy(context: InstructionContext): CopyInstruction {
  const { statement, source, escapeCharacter, base } = context;
  const { flags, words } = takeFlags(
    context,
    splitWords(source, statement.rest, escapeCharacter),
    ['chmod', 'link'],
    flagsForLater,
  );
  const paths = jsonPaths(context, words) ?? words;
  const destination = paths.at(-1);
  if (!destination || paths.length < 2) {
    throw context.fail(
      `${statement.keyword} needs a source and a destination; expected ${statement.keyword} SOURCE… DESTINATION`,
    );
  }
  const chmod = flags.get('chmod');
  const sources = paths.slice(0, -1).map((word) => toSource(context, word, statement.heredocs));
  return {
    ...base,
    kind: statement.keyword === 'ADD' ? 'add' : 'copy',
    sources,
    destination,
    ...(chmod ? { chmod } : {}),
  };
}

function toSource(context: InstructionContext, word: Word, heredocs: readonly Heredoc[]): CopySource {
  const heredoc = heredocs.find(({ at }) => at.line === word.at.line && at.column === word.at.column);
  if (heredoc) return { kind: 'heredoc', heredoc };
  if (context.statement.keyword === 'ADD' && /^["']?(?:[a-z][a-z0-9+.-]*:\/\/|git@)/i.test(word.raw)) {
    throw kubefileProblem(
      context.source,
      word.at,
      'ADD of a URL is not supported yet by this version of Seal; fetch it in a RUN or put it into the context',
      'KUBEFILE_UNSUPPORTED',
    );
  }
  return { kind: 'path', path: word };
}

/** The texts of a JSON list as words in double quotes: nothing in them is split, variables are still expanded. */
function jsonPaths({ statement }: InstructionContext, words: readonly Word[]): readonly Word[] | undefined {
  const first = words[0];
  if (!first?.raw.startsWith('[')) return undefined;
  const offset = statement.rest.positions.findIndex(({ line, column }) => line === first.at.line && column === first.at.column);
  const list = readJsonList(statement.rest.text.slice(offset));
  return list?.map((text) => ({ raw: `"${text.replace(/["\\]/g, '\\$&')}"`, at: first.at }));
}
