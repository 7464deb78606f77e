import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { describe, it } from 'node:test';
import { withAttackedServer } from './attacked-server.ts';
import { JoiningHost } from './joining-host.ts';

describe('attack 10: a cloned disk', () => {
  it('is noticed by its machine id when the copy joins under another name', () =>
    withAttackedServer(async (server) => {
      using original = new JoiningHost('h1');
      using copy = new JoiningHost('h2', original.machineId);
      const { token } = await server.token({ maxUses: 3 });
      await original.enrol(token);
      await assert.rejects(copy.enrol(token), { code: 'MACHINE_CLONED' });
      assert.equal((await server.tokens.list())[0]?.uses, 1);
    }));

  it('with its identity on it is the same node and never a second one', () =>
    withAttackedServer(async (server) => {
      using original = new JoiningHost('h1');
      using copy = new JoiningHost('h2', original.machineId);
      const { token } = await server.token({ maxUses: 3 });
      const first = await original.enrol(token);
      cpSync(original.stateDirectory, copy.stateDirectory, { recursive: true });
      const second = await copy.enrol(token);
      assert.deepEqual([second.nodeId, second.already], [first.nodeId, true]);
      assert.equal(server.nodes.list().length, 1);
    }));
});
