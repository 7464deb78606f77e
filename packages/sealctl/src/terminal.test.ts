import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ServerDouble } from '@seal/protocol/server-double';
import { smallPlan } from '@seal/protocol/small-plan';
import { execa } from 'execa';

/** sealctl as a process of its own; on a real pseudo-terminal through script(1) of Debian's bsdutils. */
const main = join(import.meta.dirname, 'main.ts');
const double = await ServerDouble.start();
after(() => double[Symbol.asyncDispose]());
const plan = smallPlan();
const step = plan.phases[1]!.steps[0]!.id;
const server = ['--server', `unix:${double.socket}`];

function operation(id: string): void {
  double.operations.set(id, { plan, items: [] });
  double.happen(id, { type: 'operation-created', requestedBy: 'ada' }, Date.now());
  double.happen(id, { type: 'phase-started', phase: 'join-workers' }, Date.now());
  double.happen(id, { type: 'step-dispatched', step, attempt: 1, epoch: 1 }, Date.now());
  double.happen(id, { type: 'step-started', step, attempt: 1 }, Date.now());
  double.print(id, step, 'waiting \x1b[2Jfor the API\n');
}

/** Runs on a pseudo-terminal of 60 columns; `seen` gets everything printed so far, and what types on that terminal. */
async function onTerminal(argv: readonly string[], seen: (text: string, type: (keys: string) => void) => void) {
  const line = [process.execPath, main, ...argv].map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['-qec', `stty cols 60 rows 20; exec ${line}`, '/dev/null'], {
    env: { ...process.env, TERM: 'xterm-256color', NO_COLOR: '1', CI: '' },
    stdio: ['pipe', 'pipe', 'inherit'],
    timeout: 30_000,
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
    seen(text, (keys) => child.stdin.write(keys));
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, text };
}

const skip = existsSync('/usr/bin/script') ? false : 'script(1) of bsdutils is not installed';

test('on a terminal the tree is drawn in place, output is harmless, and the cursor comes back', { skip }, async () => {
  operation('op-1');
  let ended = false;
  const { code, text } = await onTerminal([...server, 'operation', 'watch', 'op-1'], (so) => {
    if (ended || !so.includes('for the API')) return;
    ended = true;
    double.happen('op-1', { type: 'step-finished', step, attempt: 1, outcome: 'SUCCEEDED', durationMs: 10 }, Date.now());
    double.happen('op-1', { type: 'phase-finished', phase: 'join-workers', status: 'SUCCEEDED' }, Date.now());
    double.happen('op-1', { type: 'operation-finished', status: 'SUCCEEDED' }, Date.now());
  });
  assert.equal(code, 0);
  assert.match(text, / [⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] Join the workers/);
  assert.match(text, / ✔ Join the workers/);
  assert.ok(!text.includes('\x1b[2Jfor'), 'an escape sequence of the output reached the terminal');
  assert.ok(text.lastIndexOf('\x1b[?25h') > text.lastIndexOf('\x1b[?25l'), 'the cursor stays hidden');
  assert.match(text, /✔ install cluster demo: .* done in/);
});

test('Ctrl-C on a terminal ends with 8 and says that the operation goes on', { skip }, async () => {
  operation('op-2');
  let pressed = false;
  const { code, text } = await onTerminal([...server, 'operation', 'watch', 'op-2'], (so, type) => {
    if (pressed || !so.includes('for the API')) return;
    pressed = true;
    type('\x03');
  });
  assert.equal(code, 8);
  assert.match(text, /CANCELLED: stopped watching; operation op-2 goes on on the server/);
});

for (const [name, key] of [
  ['Ctrl-C', '\x03'],
  ['Ctrl-D', '\x04'],
] as const)
  test(`${name} at a question is no: nothing is changed, exit code 8`, { skip }, async () => {
    let pressed = false;
    const { code, text } = await onTerminal([...server, 'context', 'remove', 'lab'], (so, type) => {
      if (pressed || !so.includes('[y/N]')) return;
      pressed = true;
      type(key);
    });
    assert.equal(code, 8);
    assert.match(text, /CANCELLED: the question was not answered with yes\s+Nothing was changed\./);
  });

test('SIGTERM while following ends with 8, and the server is not asked to cancel', async () => {
  operation('op-3');
  const child = spawn(process.execPath, [main, ...server, 'operation', 'watch', 'op-3'], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.once('data', () => child.kill('SIGTERM'));
  const [code] = await once(child, 'close');
  assert.equal(code, 8);
  assert.ok(!double.calls.some((call) => call.method === 'cancelOperation'));
});

test('a reader that goes away ends sealctl quietly', async () => {
  const line = `'${process.execPath}' '${main}' help exit-codes | head -c 1; exit "\${PIPESTATUS[0]}"`;
  const { stderr } = await execa('bash', ['-c', line], { reject: false });
  assert.equal(stderr, '');
});

test('completion knows verbs, options and choices', async () => {
  const complete = async (...words: string[]) =>
    (await execa(process.execPath, [main, 'complete', '--', ...words])).stdout.split('\n').map((line) => line.split('\t')[0]);
  assert.ok((await complete('oper')).includes('operation'));
  assert.ok((await complete('operation', '')).includes('resume'));
  assert.deepEqual((await complete('nodes', '-o', '')).slice(0, 3), ['table', 'json', 'yaml']);
});

test('completion in bash needs no package', async () => {
  const script = `eval "$('${process.execPath}' '${main}' completion bash)"
    sealctl() { '${process.execPath}' '${main}' "$@"; }
    compopt() { :; }
    COMP_WORDS=(sealctl oper) COMP_CWORD=1 COMP_TYPE=9
    __sealctl_complete
    echo "$COMPREPLY"`;
  const { stdout, stderr } = await execa('bash', ['--norc', '-c', script]);
  assert.deepEqual([stdout.trim(), stderr], ['operation', '']);
});

for (const shell of ['bash', 'zsh', 'fish'])
  test(`completion ${shell} prints a script for it`, async () => {
    const { stdout } = await execa(process.execPath, [main, 'completion', shell]);
    assert.match(stdout, new RegExp(`^# ?${shell} completion for sealctl|^#compdef sealctl`));
  });
