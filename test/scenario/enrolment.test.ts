import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createInstallLine } from '../deploy/install-agents.ts';
import { useSealLab } from '../deploy/seal-lab.ts';
import type { Host } from '../hosts/index.ts';

describe('the install line', () => {
  const seal = useSealLab({ agents: [], bare: ['a', 'b'] });
  const line = (...flags: string[]) => createInstallLine(seal().server, flags);

  const leftNothing = async (host: Host) => {
    const found = await host.sh(
      'ls -d /usr/local/lib/seal /usr/local/bin/seal* /var/lib/seal/agent /etc/systemd/system/seal-agent.service 2>/dev/null || true',
    );
    assert.equal(found, '');
  };
  const refused = async (host: Host, command: string, says: RegExp) => {
    const { code, stdout, stderr } = await host.run('sh', ['-c', command]);
    assert.notEqual(code, 0, stdout);
    assert.match(stderr + stdout, says);
    await leftNothing(host);
  };

  it('refuses a token whose pin is not that of the server, before it trusts a byte', async () => {
    const wrongPin = (await line()).replace(/(seal1\.[^.]+\.[^.]+\.)([^.]{4})/, '$1AAAA');
    await refused(seal().host('a'), wrongPin, /PIN_MISMATCH/);
  });

  it('refuses a made-up secret, an expired token and a revoked one', async () => {
    const good = await line();
    const wrongSecret = good.replace(
      /(seal1\.[^.]+\.)([^.]{4})/,
      (_all, head: string, start: string) => head + (start === 'aaaa' ? 'bbbb' : 'aaaa'),
    );
    await refused(seal().host('a'), wrongSecret, /TOKEN_INVALID/);
    const short = await line('--ttl', '1s');
    await seal().server.sh('sleep 1.2');
    await refused(seal().host('a'), short, /TOKEN_EXPIRED/);
    const id = /seal1\.([^.]+)\./.exec(good)?.[1] ?? '';
    await seal().mustSealctl('token', 'revoke', id);
    await refused(seal().host('a'), good, /TOKEN_REVOKED/);
  });

  it('admits one host with a token for one, and tells the second that it is spent', async () => {
    const once = await line();
    await seal().host('a').sh(once);
    await seal().untilConnected('a');
    await refused(seal().host('b'), once, /TOKEN_SPENT/);
  });

  it('enrols a host again with a new token after it was uninstalled', async () => {
    await seal()
      .host('b')
      .sh(await line());
    await seal().untilConnected('b');
  });

  it('keeps the secret out of the process list, the journal and the unit', async () => {
    const { value } = await seal().json<{ value: string }>('token', 'create');
    const secret = value.split('.')[2] ?? 'none';
    const seen = await seal().server.sh(
      `journalctl --no-pager | grep -c '${secret}' || true; grep -r -c '${secret}' /var/lib/seal/server/state.db || true`,
    );
    assert.deepEqual(seen.split('\n').map(Number), [0, 0]);
  });

  it('cuts off a node whose enrolment was taken away, for good', async () => {
    await seal().mustSealctl('nodes', 'remove', 'b', '--yes');
    const nodes = await seal().json<{ name: string }[]>('nodes');
    assert.deepEqual(
      nodes.map((node) => node.name),
      ['a'],
    );
    await seal().host('b').sh('systemctl restart seal-agent; sleep 1');
    assert.deepEqual(
      (await seal().json<{ name: string }[]>('nodes')).map((node) => node.name),
      ['a'],
    );
  });
});
