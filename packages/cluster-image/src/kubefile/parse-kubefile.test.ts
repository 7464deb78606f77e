// biome-ignore-all lint/suspicious/noTemplateCurlyInString: Kubefiles write ${NAME} themselves
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Problem, type ProblemCode } from '@seal/foundation';
import fc from 'fast-check';
import type { Instruction } from './kubefile.ts';
import { parseKubefile } from './parse-kubefile.ts';

function only(text: string): Instruction {
  const { instructions } = parseKubefile(`FROM scratch\n${text}`);
  assert.equal(instructions.length, 2, `one instruction after FROM in ${text}`);
  return instructions[1] as Instruction;
}

function problemOf(text: string): Problem {
  try {
    parseKubefile(text, 'Kubefile');
  } catch (thrown) {
    assert.ok(thrown instanceof Problem, String(thrown));
    return thrown;
  }
  throw new assert.AssertionError({ message: `no Problem for ${text}` });
}

test('reads every instruction with the place where it stands', () => {
  const { instructions } = parseKubefile(
    [
      'ARG VERSION=1.2',
      'FROM --platform=linux/arm64 base:1',
      'COPY a b/',
      'ADD x.tar y',
      'run echo $A',
      'ENV A=1 B="2 3"',
      'LABEL x.y=z',
      'MAINTAINER Somebody <a@b>',
      'CMDS ["kubectl get nodes"]',
      'KUBEVERSION >=1.20 <1.24',
    ].join('\n'),
  );
  assert.deepEqual(
    instructions.map(({ kind, at }) => `${kind}@${at.line}`),
    ['arg@1', 'from@2', 'copy@3', 'add@4', 'run@5', 'env@6', 'label@7', 'maintainer@8', 'cmds@9', 'kube-version@10'],
  );
});

test('joins continued lines and leaves comments and empty lines between them out', () => {
  const run = only('RUN echo a && \\\n  # why\n\n  echo b');
  assert.deepEqual(run.kind === 'run' && run.command, { form: 'shell', script: 'echo a &&   echo b' });
  const copy = only('COPY --chmod=755 one \\\n  two \\\n  dir/');
  assert.ok(copy.kind === 'copy');
  assert.deepEqual(
    [copy.sources.map((source) => source.kind === 'path' && source.path.raw), copy.destination, copy.chmod?.raw],
    [['one', 'two'], { raw: 'dir/', at: { line: 4, column: 3 } }, '755'],
  );
});

test('obeys the escape directive and Windows line ends', () => {
  const { instructions, escapeCharacter } = parseKubefile('# escape=`\r\nFROM scratch\r\nRUN a `\r\n b\r\n');
  assert.equal(escapeCharacter, '`');
  assert.deepEqual(instructions[1]?.kind === 'run' && instructions[1].command, { form: 'shell', script: 'a  b' });
});

test('reads BASE as FROM', () => {
  assert.equal(parseKubefile('BASE scratch').instructions[0]?.kind, 'from');
});

test('makes the body of a lone heredoc the script of RUN, and hands other heredocs to the shell', () => {
  const script = only('RUN <<EOF\necho a\nFROM x\nEOF');
  assert.deepEqual(script.kind === 'run' && script.command, { form: 'shell', script: 'echo a\nFROM x\n' });
  const fed = only('RUN cat <<EOF > f\nhello\nEOF');
  assert.deepEqual(fed.kind === 'run' && fed.command, { form: 'shell', script: 'cat <<EOF > f\nhello\nEOF\n' });
});

test('takes the body of a heredoc as it stands, whatever its lines end with', () => {
  const copy = only('COPY <<EOF \\\n  dir/\na \\\n# no comment\n\nb\\\nEOF');
  assert.ok(copy.kind === 'copy' && copy.sources[0]?.kind === 'heredoc');
  assert.deepEqual([copy.sources[0].heredoc.body, copy.destination.raw], ['a \\\n# no comment\n\nb\\\n', 'dir/']);
  const { instructions } = parseKubefile('FROM scratch\nRUN cat <<"A B" \\\n && ls <<\'\'\nx\nA B\nCOPY a b\n');
  assert.deepEqual(
    instructions.map(({ kind, at }) => `${kind}@${at.line}`),
    ['from@1', 'run@2', 'copy@6'],
  );
});

test('sees no heredoc in shifts, here-strings, quotes and other instructions', () => {
  for (const line of [
    'RUN echo $((1<<2)) $((1 << 2))',
    'RUN cat <<<EOF',
    'RUN echo "a <<EOF"',
    'LABEL a="<<EOF"',
    'RUN echo \\<<EOF',
  ])
    assert.equal(parseKubefile(`FROM scratch\n${line}\nENV A=b`).instructions.length, 3, line);
});

test('makes a lone heredoc with an interpreter line a program', () => {
  const run = only('RUN <<EOF\n#!/usr/bin/env python3\nprint(1)\nEOF');
  assert.deepEqual(run.kind === 'run' && run.command, { form: 'program', text: '#!/usr/bin/env python3\nprint(1)\n' });
});

test('reads APP, CNI, CSI, APPENV, APPCMDS and LAUNCH', () => {
  const app = only('APP web local://a.yaml "local://b c" https://x/y.yaml');
  assert.deepEqual(
    app.kind === 'app' && app.sources.map((source) => (source.kind === 'url' ? source.url.raw : source.path.raw)),
    ['a.yaml', '"b c"', 'https://x/y.yaml'],
  );
  assert.deepEqual([only('CNI calico local://calico').kind, only('CSI nfs local://nfs').kind], ['cni', 'csi']);
  const env = only('APPENV web A=1 B="2 3"');
  assert.deepEqual(env.kind === 'app-env' && [env.app.raw, env.assignments.map(({ value }) => value.raw)], [
    'web',
    ['1', '"2 3"'],
  ]);
  const cmds = only('APPCMDS web ["helm install", "web ."]');
  assert.deepEqual(cmds.kind === 'app-cmds' && [cmds.app.raw, cmds.words], ['web', ['helm install', 'web .']]);
  for (const text of ['LAUNCH a b', 'LAUNCH ["a", "b"]']) {
    const launch = only(text);
    assert.deepEqual(launch.kind === 'launch' && launch.apps.map(({ raw }) => raw), ['a', 'b']);
  }
});

test('gives COPY its heredocs, quoted ones unexpanded, with <<- without leading tabs', () => {
  const copy = only('COPY <<A <<-"B" dir/\none $V\nA\n\ttwo $V\n\tB');
  assert.ok(copy.kind === 'copy');
  assert.deepEqual(
    copy.sources.map((source) => source.kind === 'heredoc' && [source.heredoc.name, source.heredoc.body, source.heredoc.expand]),
    [
      ['A', 'one $V\n', true],
      ['B', 'two $V\n', false],
    ],
  );
});

test('reads exec form, shell form and lists of CMD and CMDS as shell lines', () => {
  const lines = (text: string) => {
    const instruction = only(text);
    return instruction.kind === 'cmds' ? instruction.lines : undefined;
  };
  assert.deepEqual(lines('CMD kubectl apply -f "a b"'), ['kubectl apply -f "a b"']);
  assert.deepEqual(lines('CMD ["kubectl", "apply", "-f", "a b"]'), ["kubectl apply -f 'a b'"]);
  assert.deepEqual(lines('CMD ["kubectl apply -f x.yaml"]'), ['kubectl apply -f x.yaml']);
  assert.deepEqual(lines('CMDS ["a", "b c"]'), ['a', 'b c']);
  assert.deepEqual(lines('CMD ["a b", "c"]'), ['a b', 'c'], 'lines as sealos has them');
});

test('reads paths with blanks from a JSON list', () => {
  const copy = only('COPY ["a b", "c d/"]');
  assert.deepEqual(copy.kind === 'copy' && copy.destination.raw, '"c d/"');
});

test('reads the old form of ENV up to the end of its line', () => {
  const env = only('ENV NAME a value');
  assert.deepEqual(env.kind === 'env' && env.assignments.map(({ name, value }) => [name.raw, value.raw]), [['NAME', 'a value']]);
});

test('reads RUN --network=none', () => {
  const run = only('RUN --network=none ["ls", "-l"]');
  assert.deepEqual(run.kind === 'run' && [run.network, run.command], ['none', { form: 'exec', argv: ['ls', '-l'] }]);
});

test('says file, line, column and what was expected, with a caret below the place', () => {
  const problem = problemOf('FROM scratch\n  COPPY a b\n');
  assert.equal(problem.code, 'KUBEFILE_INVALID');
  assert.deepEqual(problem.details, { file: 'Kubefile', line: 2, column: 3 });
  assert.match(problem.message, /^Kubefile:2:3: unknown instruction "COPPY"; did you mean COPY\? expected one of FROM, COPY/);
  assert.ok(problem.message.endsWith('2 |   COPPY a b\n  |   ^'), problem.message);
});

test('refuses what it cannot do, at the place where it stands', () => {
  const cases: [string, ProblemCode, number, RegExp][] = [
    ['', 'KUBEFILE_INVALID', 1, /no instruction; expected FROM/],
    ['# nothing\n', 'KUBEFILE_INVALID', 1, /no instruction/],
    ['COPY a b', 'KUBEFILE_INVALID', 1, /first instruction must be FROM/],
    ['FROM', 'KUBEFILE_INVALID', 1, /FROM has no argument; expected FROM/],
    ['FROM a b', 'KUBEFILE_INVALID', 1, /unexpected "b"/],
    ['FROM a\nFROM b', 'KUBEFILE_UNSUPPORTED', 2, /second FROM/],
    ['FROM a\nAPP x', 'KUBEFILE_INVALID', 2, /APP needs a name and a source/],
    ['FROM a\nAPP x y.yaml', 'KUBEFILE_INVALID', 2, /"y.yaml" begins with none of local:/],
    ['FROM a\nAPP --checksum=x a local://y', 'KUBEFILE_INVALID', 2, /--checksum belongs to one URL/],
    ['FROM a\nAPPENV x', 'KUBEFILE_INVALID', 2, /APPENV needs an app and values/],
    ['FROM a\nAPPCMDS x helm install', 'KUBEFILE_INVALID', 2, /expected APPCMDS NAME \["…"…\]/],
    ['FROM a\nLAUNCH []', 'KUBEFILE_INVALID', 2, /the list of LAUNCH is empty/],
    ['FROM a\nLAUNCH a\nLAUNCH b', 'KUBEFILE_INVALID', 3, /a second LAUNCH/],
    ['FROM a\nLAUNCH a\nCMDS ["b"]', 'KUBEFILE_INVALID', 3, /LAUNCH and CMD \(CMDS\) exclude each other/],
    ['FROM a\nADD https://x/y z', 'KUBEFILE_INVALID', 2, /ADD of a URL needs --checksum/],
    ['FROM a\nADD git@x:y z', 'KUBEFILE_INVALID', 2, /cannot be fetched/],
    ['FROM a\nADD --checksum=sha256:0 x y', 'KUBEFILE_INVALID', 2, /--checksum belongs to one URL/],
    ['FROM a\nCOPY --from=x a b', 'KUBEFILE_UNSUPPORTED', 2, /COPY --from is not supported: there are no build stages/],
    ['FROM a\nRUN --mount=type=cache,target=/x y', 'KUBEFILE_UNSUPPORTED', 2, /RUN --mount is not supported: RUN has no mounts/],
    ['FROM a\nCOPY <<E x\n\\\n\tE\n', 'KUBEFILE_INVALID', 2, /<<E has no end; expected a line "E"/],
    ['FROM a\nUSER x', 'KUBEFILE_UNSUPPORTED', 2, /USER is not supported/],
    ['FROM a\nCOPY --nope a b', 'KUBEFILE_INVALID', 2, /no flag --nope; expected --chmod/],
    ['FROM a\nCOPY a', 'KUBEFILE_INVALID', 2, /needs a source and a destination/],
    ['FROM a\nENV X', 'KUBEFILE_INVALID', 2, /"X" is not NAME=VALUE/],
    ['FROM a\nENV 1X=2', 'KUBEFILE_INVALID', 2, /not a variable name/],
    ['FROM a\nENV A="x', 'KUBEFILE_INVALID', 2, /never closed/],
    ["FROM a\nCMDS ['a']", 'KUBEFILE_INVALID', 2, /not a JSON list/],
    ['FROM a\nCMDS []', 'KUBEFILE_INVALID', 2, /is empty/],
    ['FROM a\nRUN --network=host x', 'KUBEFILE_INVALID', 2, /--network=host is not known/],
    ['FROM a\nRUN --network=none', 'KUBEFILE_INVALID', 2, /RUN has no command/],
    ['FROM a\nRUN <<EOF\nx\n', 'KUBEFILE_INVALID', 2, /expected a line "EOF"/],
  ];
  for (const [text, code, line, expected] of cases) {
    const problem = problemOf(text);
    assert.deepEqual([problem.code, problem.details.line], [code, line], text);
    assert.match(problem.message, expected, text);
  }
});

test('reads any text or says what is wrong with it, and nothing else', () => {
  const keyword = fc.constantFrom(
    'FROM',
    'COPY',
    'ADD',
    'RUN',
    'ENV',
    'LABEL',
    'ARG',
    'CMD',
    'CMDS',
    'BASE',
    '#',
    'KUBEVERSION',
    'APP',
    'APPENV',
    'APPCMDS',
    'LAUNCH',
    'x',
  );
  const rest = fc.string({ unit: fc.constantFrom(...' \t\\\n"\'${}[]<-=:aE/#,'), maxLength: 30 });
  const line = fc.tuple(keyword, rest).map(([word, tail]) => `${word} ${tail}`);
  fc.assert(
    fc.property(fc.array(line, { maxLength: 6 }), (lines) => {
      try {
        parseKubefile(`FROM scratch\n${lines.join('\n')}`);
      } catch (thrown) {
        assert.ok(thrown instanceof Problem && thrown.code.startsWith('KUBEFILE_'), String((thrown as Error).stack));
      }
    }),
    { numRuns: 2000 },
  );
});
