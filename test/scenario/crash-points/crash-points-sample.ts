/**
 * A sample of the crash points; `npm run test:crash-points` goes through all of them. Real daemons and hosts; what is killed is the process
 * (kill -9), not the machine: see `kill-at-write.ts`.
 */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { SealLab } from '../../deploy/seal-lab.ts';
import { crashAt, install, uninstall } from './crash-points.ts';

/** Needs the daemons of `crashHosts` and of the server under kill orders, and the image of scripts built. */
export function crashPointsSample(seal: () => SealLab): void {
  describe('an installation on three nodes, one daemon killed at a write of its log or journal', () => {
    let expected: Awaited<ReturnType<typeof install>>;

    before(async () => {
      expected = await install(seal());
      await uninstall(seal());
    });

    for (const [host, side, nth] of [
      ['server', 'after', 2],
      ['server', 'before', 23],
      ['server', 'after', 48],
      ['m1', 'torn', 13],
      ['m1', 'after', 34],
      ['n1', 'before', 22],
    ] as const)
      it(`ends the same after a kill of ${host === 'server' ? 'the server' : `the agent of ${host}`} ${side === 'torn' ? 'in the middle of' : side} write ${nth}`, async () =>
        assert.ok(await crashAt(seal(), { host, side, nth }, expected), 'there is no such write'));
  });
}
