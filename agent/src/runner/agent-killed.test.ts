import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Step } from '@seal/plan';
import { type Report, shellStep, withAgentDirectory } from '../testing/local-runner.ts';
import type { StepState } from './run-command.ts';

const program = fileURLToPath(new URL('../testing/agent-under-test.ts', import.meta.url));

type Line = Report | { readonly type: 'recovered'; readonly states: StepState[] };

/** A runner in a process of its own. */
class ForkedAgent {
  readonly lines: Line[] = [];
  readonly #child: ChildProcess;

  constructor(directory: string) {
    this.#child = spawn(process.execPath, [program, directory], { stdio: ['pipe', 'pipe', 'inherit'] });
    if (this.#child.stdout)
      createInterface({ input: this.#child.stdout }).on('line', (line) => this.lines.push(JSON.parse(line) as Line));
  }

  run(step: Step, attempt = 1): void {
    this.#child.stdin?.write(`${JSON.stringify({ step, attempt, epoch: 1 })}\n`);
  }

  async line(fits: (line: Line) => boolean): Promise<Line> {
    for (let tries = 0; tries < 600; tries += 1) {
      const found = this.lines.find(fits);
      if (found) return found;
      await delay(50);
    }
    throw new Error(`nothing fits in ${JSON.stringify(this.lines)}`);
  }

  async recovered(): Promise<StepState[]> {
    const line = await this.line(({ type }) => type === 'recovered');
    return 'states' in line ? line.states : [];
  }

  async outcome(step: string, attempt = 1): Promise<Report['finished']> {
    const line = await this.line((one) => one.type === 'finished' && one.key.step === step && one.key.attempt === attempt);
    return 'finished' in line ? line.finished : undefined;
  }

  async kill(): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await gone;
  }
}

const lines = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8').split('\n').length - 1 : 0);

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries += 1) {
    assert.ok(tries < 600, 'it did not come to be within 30 s');
    await delay(50);
  }
}

test('a script goes on while its agent is killed; the next agent finds it running and has its exit code and output', () =>
  withAgentDirectory(async (directory) => {
    const marks = join(directory, 'marks');
    const step = shellStep('a', `echo ran >>${marks}; while ! test -e ${directory}/go; do sleep 0.05; done; echo said; exit 7`);
    const first = new ForkedAgent(directory);
    first.run(step);
    await until(() => lines(marks) === 1);
    await first.kill();
    const second = new ForkedAgent(directory);
    assert.deepEqual(await second.recovered(), [{ step: 'a', attempt: 1, state: 'running' }]);
    second.run(step);
    writeFileSync(join(directory, 'go'), '');
    const finished = await second.outcome('a');
    await second.kill();
    assert.deepEqual([finished?.outcome, finished?.exitCode, finished?.stdoutBytes], ['FAILED', 7, 5]);
    assert.equal(lines(marks), 1);
  }));

test('a script that ended while no agent ran is found finished, with its exit code', () =>
  withAgentDirectory(async (directory) => {
    const marks = join(directory, 'marks');
    const step = shellStep('a', `echo ran >>${marks}; while ! test -e ${directory}/go; do sleep 0.05; done; echo end >>${marks}`);
    const first = new ForkedAgent(directory);
    first.run(step);
    await until(() => lines(marks) === 1);
    await first.kill();
    writeFileSync(join(directory, 'go'), '');
    await until(() => lines(marks) === 2);
    const spool = join(directory, 'spool/a.1');
    const endFile = readdirSync(spool).find((name) => name.startsWith('exit.')) ?? '';
    await until(() => /^exit 0 end/.test(readFileSync(join(spool, endFile), 'latin1')));
    const second = new ForkedAgent(directory);
    assert.deepEqual(await second.recovered(), [{ step: 'a', attempt: 1, state: 'finished' }]);
    second.run(step);
    const finished = await second.outcome('a');
    await second.kill();
    assert.deepEqual([finished?.outcome, finished?.exitCode], ['SUCCEEDED', 0]);
    assert.equal(lines(marks), 2);
  }));

test('an agent killed at any moment of a step, again and again, has it take effect exactly once', () =>
  withAgentDirectory(async (directory) => {
    const marks = join(directory, 'marks');
    // Irreversible and without a probe: anything but exactly one run would show as a second mark or as UNKNOWN.
    const step = shellStep('a', `echo ran >>${marks}`, { effect: 'irreversible' });
    let finished: Report['finished'];
    for (let killAfterMs = 0; !finished; killAfterMs += 3) {
      assert.ok(killAfterMs < 600, 'the step never ended');
      const agent = new ForkedAgent(directory);
      await agent.recovered();
      agent.run(step);
      await delay(killAfterMs);
      await agent.kill();
      const last = agent.lines.find((line) => line.type === 'finished');
      if (last && 'finished' in last) finished = last.finished;
    }
    assert.equal(finished.outcome, 'SUCCEEDED');
    assert.equal(lines(marks), 1);
  }));
