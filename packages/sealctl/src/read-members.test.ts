import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readMembers } from './read-members.ts';

test('members are named by name, address or range, in -m and -n alike', async () => {
  assert.deepEqual(await readMembers({ nodes: ['n2'] }), ['n2']);
  assert.deepEqual(await readMembers({ masters: ['m1.example'], nodes: ['10.0.0.1-10.0.0.2,node-3', 'fd00::1'] }), [
    ...['10.0.0.1', '10.0.0.2', 'fd00::1'],
    ...['m1.example', 'node-3'],
  ]);
  assert.deepEqual(await readMembers({ nodes: ['n2,n2'] }), ['n2']);
});

test('an address that is wrong is not taken for a name', async () => {
  for (const nodes of [['10.0.0.300'], ['10.0.0.9-10.0.0.1'], ['10.0.0.1:22'], ['n1,']])
    await assert.rejects(readMembers({ nodes }), { code: 'HOSTS_INVALID' }, nodes.join(' '));
});
