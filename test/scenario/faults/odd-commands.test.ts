/**
 * Faults 12 and 21 of the engine, on the agent's real program: gRPC over TCP neither doubles nor reorders, and there is one version of Seal,
 * so the server is a double that does what a bad network or a newer server would.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { agentProto, stepToWire } from '@seal/protocol';
import { shellStep } from '../../../agent/src/testing/local-runner.ts';
import type { ServerDouble } from '../../../agent/src/testing/server-double.ts';
import { pollUntil } from '../../hosts/index.ts';
import { withAgentProcess } from './agent-process.ts';

const outcomes = (server: ServerDouble, step: string) =>
  server.messages.flatMap(({ finished }) => (finished?.step === step ? [finished] : []));

const outcome = (server: ServerDouble, step: string, count = 1) =>
  pollUntil(() => outcomes(server, step)[count - 1], { timeoutSeconds: 30, describe: () => `no outcome of ${step}` });

/** A field with this number that holds bytes, in the wire format. */
function field(number: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    bytes.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) return Buffer.from(bytes);
  }
}

describe('an agent whose server', () => {
  it('12 duplicated and reordered commands: each step has its effect once, across a kill of the agent', () =>
    withAgentProcess(async ({ server, directory, restart }) => {
      const marks = join(directory, 'marks');
      const [one, two] = ['one', 'two'].map((name) => shellStep(name, `echo ${name} >>${marks}; sleep 0.3`));
      for (const attempt of [2, 1, 2, 1, 1]) for (const step of [two!, one!]) server.run(step, attempt);
      await outcome(server, 'one');
      await outcome(server, 'two');
      server.run(one!, 1);
      server.run(one!, 2);
      await outcome(server, 'one', 2);
      await restart();
      for (const attempt of [1, 3, 2]) server.run(one!, attempt);
      const late = await outcome(server, 'one', outcomes(server, 'one').length + 1);
      assert.equal(late.outcome, 'SUCCEEDED');
      assert.deepEqual(readFileSync(marks, 'utf8').split('\n').filter(Boolean).sort(), ['one', 'two']);
    }));

  it('12 a cancel that comes before its command: the command never runs', () =>
    withAgentProcess(async ({ server, directory }) => {
      const marks = join(directory, 'marks');
      server.send({ cancel: { step: 'early', attempt: 1, epoch: 1 } });
      server.run(shellStep('early', `echo early >>${marks}`));
      server.run(shellStep('other', `echo other >>${marks}`));
      await outcome(server, 'other');
      assert.equal((await outcome(server, 'early')).outcome, 'CANCELLED');
      assert.equal(readFileSync(marks, 'utf8'), 'other\n');
    }));

  it('21 server N+1 with agents N: fields and messages it does not know are passed over, kinds of steps are refused, the rest is done', () =>
    withAgentProcess(async ({ server, directory }) => {
      server.sendBytes(field(77, Buffer.from('a message of the future')));
      const wire = { ...stepToWire(shellStep('known', `touch ${directory}/ran`)) };
      const run = { operation: 'op', step: wire, attempt: 1, epoch: 1, secrets: {} };
      const known = Buffer.concat([agentProto.RunStep.encode(run).finish(), field(99, Buffer.from('a field of the future'))]);
      server.sendBytes(field(2, known));
      server.send({ run: { ...run, step: { ...wire, id: 'new-kind', kind: 'fly-to-the-moon' } } });
      server.send({ run: { ...run, step: { ...wire, id: 'new-args', args: { ...wire.args, altitude: 7 } } } });
      assert.equal((await outcome(server, 'known')).outcome, 'SUCCEEDED');
      assert.ok(existsSync(join(directory, 'ran')));
      assert.equal((await outcome(server, 'new-kind')).problem?.code, 'STEP_KIND_UNKNOWN');
      assert.equal((await outcome(server, 'new-args')).problem?.code, 'STEP_INVALID');
      assert.equal(server.sessions, 1);
    }));
});
