import { fileURLToPath } from 'node:url';
import { type SealLab, withSealLab } from '../../deploy/seal-lab.ts';
import { buildImage } from '../scenario-image.ts';
import { type CrashPoint, crashAt, crashHosts, install, uninstall } from './crash-points.ts';
import { takeKillOrders } from './kill-orders.ts';

/**
 * `npm run test:crash-points [-- HOST:SIDE[:FROM] …]`: one installation for each crash point, from the first write until an installation ends
 * without it; all hosts and sides by default. Workers are alike, so n2 is never killed. Prints one line for each point.
 */
const folder = fileURLToPath(new URL('../image', import.meta.url));
const everything = ['server:before', 'server:after', 'm1:before', 'm1:torn', 'm1:after', 'n1:before', 'n1:torn', 'n1:after'];
const wanted = process.argv.length > 2 ? process.argv.slice(2) : everything;

const options = { agents: crashHosts, serverBinds: [{ from: folder, to: '/root/image' }] };
process.exitCode = (await withSealLab(options, runAll)) ? 0 : 1;

async function runAll(seal: SealLab): Promise<boolean> {
  await buildImage(seal);
  await takeKillOrders(seal, crashHosts);
  const expected = await install(seal);
  await uninstall(seal);
  const start = performance.now();
  let points = 0;
  for (const each of wanted) {
    const [host = '', side = '', from = '1'] = each.split(':');
    let nth = Number(from);
    for (; ; nth += 1) {
      const at = performance.now();
      const killed = await crashAt(seal, { host, side: side as CrashPoint['side'], nth }, expected);
      if (!killed) break;
      points += 1;
      process.stdout.write(`${host} ${side} write ${nth}: as expected (${((performance.now() - at) / 1000).toFixed(1)} s)\n`);
    }
    process.stdout.write(`${host} ${side}: ${nth - 1} writes in an installation\n`);
  }
  process.stdout.write(`${points} crash points, all as expected, in ${Math.round((performance.now() - start) / 1000)} s\n`);
  return points > 0;
}
