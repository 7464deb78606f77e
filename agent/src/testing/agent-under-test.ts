import { createInterface } from 'node:readline';
import { command, LocalRunner } from './local-runner.ts';

/**
 * A runner in a process of its own, to be killed: takes the directory as argument and `{step, attempt, epoch}` as lines on stdin,
 * prints its reports as lines; the first line is what it found of earlier steps.
 */
const directory = process.argv[2] ?? '';
const say = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`);
const local = await LocalRunner.open({ directory, onReport: say });
say({ type: 'recovered', states: local.runner.states() });
for await (const line of createInterface({ input: process.stdin })) {
  const { step, ...options } = JSON.parse(line);
  await local.runner.run(command(step, options));
}
