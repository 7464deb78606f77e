import type { InstructionContext } from './instruction-context.ts';
import type { Instruction, Word } from './kubefile.ts';
import { type KubefileSource, kubefileProblem } from './kubefile-problem.ts';
import { parseApp, parseAppCmds, parseAppEnv, parseLaunch } from './parse-app.ts';
import { parseAssignments } from './parse-assignments.ts';
import { parseCmds } from './parse-cmds.ts';
import { parseCopy } from './parse-copy.ts';
import { parseRun } from './parse-run.ts';
import { splitWords } from './split-words.ts';
import type { Statement } from './statement.ts';
import { takeFlags } from './take-flags.ts';

const dockerInstructions = ['FROM', 'COPY', 'ADD', 'RUN', 'ARG', 'ENV', 'LABEL', 'MAINTAINER', 'CMD'];
const supported = [...dockerInstructions, 'CMDS', 'APP', 'APPENV', 'APPCMDS', 'LAUNCH', 'CNI', 'CSI', 'KUBEVERSION'];
const notInClusterImages = new Set([
  'ENTRYPOINT',
  'EXPOSE',
  'HEALTHCHECK',
  'ONBUILD',
  'SHELL',
  'STOPSIGNAL',
  'USER',
  'VOLUME',
  'WORKDIR',
]);

/** Makes the typed instruction of a statement. Throws KUBEFILE_INVALID or KUBEFILE_UNSUPPORTED. */
export function parseInstruction(statement: Statement, source: KubefileSource, escapeCharacter: string): Instruction {
  const context: InstructionContext = {
    statement,
    source,
    escapeCharacter,
    base: { at: statement.at, text: `${statement.keyword} ${statement.rest.text}`.trimEnd() },
    fail: (message, at = statement.at) => kubefileProblem(source, at, message),
  };
  const { keyword, written } = statement;
  if (notInClusterImages.has(keyword)) {
    throw unsupported(context, `${keyword} is not supported: a ClusterImage is unpacked on hosts, it is not run as a container`);
  }
  if (keyword !== 'BASE' && !supported.includes(keyword))
    throw context.fail(`unknown instruction "${written}"; ${suggestion(keyword)}expected one of ${supported.join(', ')}`);
  if (statement.rest.text === '') throw context.fail(`${keyword} has no argument; expected ${usage(keyword)}`);
  switch (keyword) {
    case 'FROM':
    case 'BASE':
      return parseFrom(context);
    case 'COPY':
    case 'ADD':
      return parseCopy(context);
    case 'RUN':
      return parseRun(context);
    case 'ARG':
    case 'ENV':
    case 'LABEL':
      return parseAssignments(context);
    case 'MAINTAINER':
      return { ...context.base, kind: 'maintainer', name: statement.rest.text };
    case 'APP':
    case 'CNI':
    case 'CSI':
      return parseApp(context);
    case 'APPENV':
      return parseAppEnv(context);
    case 'APPCMDS':
      return parseAppCmds(context);
    case 'LAUNCH':
      return parseLaunch(context);
    case 'KUBEVERSION':
      return { ...context.base, kind: 'kube-version', constraint: wholeWord(context) };
    default:
      return parseCmds(context);
  }
}

function parseFrom(context: InstructionContext): Instruction {
  const { flags, words } = takeFlags(
    context,
    splitWords(context.source, context.statement.rest, context.escapeCharacter),
    ['platform'],
    {},
  );
  const [image, as, name, more] = words;
  if (!image) throw context.fail(`FROM has no image; expected ${usage('FROM')}`);
  const extra = more ?? (as && (as.raw.toLowerCase() !== 'as' || !name) ? as : undefined);
  if (extra) throw context.fail(`unexpected "${extra.raw}" after the image; expected ${usage('FROM')}`, extra.at);
  const platform = flags.get('platform');
  return { ...context.base, kind: 'from', image, ...(platform ? { platform } : {}) };
}

/** The instruction that was probably meant: the same letters in another order, or one letter away. */
function suggestion(keyword: string): string {
  const letters = (text: string) => [...text].sort().join('');
  const near = supported.find((name) => letters(name) === letters(keyword)) ?? supported.find((name) => isNear(name, keyword));
  return near ? `did you mean ${near}? ` : '';
}

/** Whether a letter more, less or another one makes one word of the other. */
function isNear(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1) return false;
  let start = 0;
  while (start < a.length && a[start] === b[start]) start += 1;
  const [restA, restB] = [a.slice(start), b.slice(start)];
  return restA.slice(1) === restB || restA === restB.slice(1) || restA.slice(1) === restB.slice(1);
}

function wholeWord({ statement }: InstructionContext): Word {
  return { raw: statement.rest.text, at: statement.rest.positions[0] ?? statement.at };
}

function unsupported(context: InstructionContext, message: string): Error {
  return kubefileProblem(context.source, context.statement.at, message, 'KUBEFILE_UNSUPPORTED');
}

function usage(keyword: string): string {
  const forms: Readonly<Record<string, string>> = {
    FROM: 'FROM [--platform=linux/ARCH] scratch|IMAGE',
    BASE: 'BASE scratch|IMAGE',
    COPY: 'COPY [--chmod=MODE] SOURCE… DESTINATION',
    ADD: 'ADD [--chmod=MODE] [--checksum=sha256:…] SOURCE… DESTINATION',
    APP: 'APP NAME local://PATH…',
    CNI: 'CNI NAME local://PATH…',
    CSI: 'CSI NAME local://PATH…',
    APPENV: 'APPENV NAME K=V…',
    APPCMDS: 'APPCMDS NAME ["…"]',
    LAUNCH: 'LAUNCH NAME…',
    RUN: 'RUN [--network=none] COMMAND',
    ARG: 'ARG NAME[=DEFAULT]…',
    ENV: 'ENV NAME=VALUE…',
    LABEL: 'LABEL NAME=VALUE…',
    MAINTAINER: 'MAINTAINER NAME',
    CMD: 'CMD COMMAND or CMD ["PROGRAM", "ARGUMENT"…]',
    CMDS: 'CMDS ["COMMAND LINE"…]',
    KUBEVERSION: 'KUBEVERSION CONSTRAINT, such as ">=1.20 <1.24"',
  };
  return forms[keyword] ?? keyword;
}
