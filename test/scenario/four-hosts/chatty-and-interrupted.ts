import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SealLab } from '../../deploy/seal-lab.ts';
import { pollUntil } from '../../hosts/index.ts';
import { ended, newest, untilPausing } from '../operation-control.ts';

/** A server and a node on their machines: their start, their end and their disks. */
export function chattyAndInterrupted(seal: () => SealLab): void {
  describe('a server and a node on their machines', () => {
    it('the server answers as soon as systemctl says that it runs', async () => {
      for (let time = 0; time < 3; time += 1)
        await seal().server.sh('systemctl restart seal-server && sealctl --server unix:/run/seal/server.sock version --remote');
      await seal().untilConnected('n1');
    });

    it('a bounded part of output without end is kept, and other commands get through beside it', async () => {
      const { server } = seal();
      await server.sh('setsid sealctl exec n1 -- yes "a line of output without end" </dev/null >/dev/null 2>&1 &');
      const storedBytes = async () =>
        Number(await server.sh("stat -c %s /var/lib/seal/server/state.db* | awk '{s+=$1} END {print s}'"));
      const before = await storedBytes();
      const reached = async (bytes: number) => ((await storedBytes()) > bytes ? true : undefined);
      await pollUntil(() => reached(before + 3_000_000), { timeoutSeconds: 60, describe: () => 'no output is stored' });
      const { id } = await newest(seal());
      for (let time = 0; time < 5; time += 1)
        assert.match(await seal().mustSealctl('exec', 'n1', '--', 'echo', 'through'), /through/);
      await server.sh('sleep 4');
      const bytes = (await storedBytes()) - before;
      assert.equal(
        (await seal().json<{ id: string; status: string }[]>('operation', 'list')).find((one) => one.id === id)?.status,
        'RUNNING',
      );
      assert.ok(bytes < 64 * 1024 * 1024, `${bytes} bytes are stored`);
      await seal().mustSealctl('operation', 'cancel', id);
      assert.equal((await ended(seal(), id)).status, 'CANCELLED');
    });

    it('a command that a shutdown of its host ends has not failed: nobody knows how far it got', async () => {
      const { server } = seal();
      await server.sh('setsid sealctl exec n1 -- sh -c "sleep 4242; true" </dev/null >/dev/null 2>&1 &');
      await untilPausing(seal().host('n1'), 4242);
      const { id } = await newest(seal());
      await seal().host('n1').reboot();
      await seal().untilConnected('n1');
      assert.equal((await ended(seal(), id)).status, 'FAILED');
      const shown = await seal().mustSealctl('operation', 'show', id);
      assert.match(shown, /UNKNOWN/);
      assert.doesNotMatch(shown, /143/);
    });
  });
}
