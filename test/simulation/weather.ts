import type { DatabaseSync } from 'node:sqlite';
import { copyDatabase } from './copy-database.ts';
import type { Host } from './host.ts';
import type { World } from './world.ts';

/** Lets things go wrong that come from outside, until the world's quiet time. */
export function makeWeather(world: World): void {
  const prng = world.prng.fork('weather');
  let backup: DatabaseSync | undefined;
  const look = () => {
    if (world.time.now >= world.scenario.quietAt) return becomeQuiet(world);
    for (const host of world.hosts.values()) strike(world, host);
    if (world.faults.happens('clock-jump')) {
      const jumpMs = prng.int(-300_000, 300_000);
      world.serverClockOffset += jumpMs;
      world.note('servers', `their clock jumps by ${jumpMs} ms`);
    }
    const server = world.newestServer();
    if (server && world.faults.happens('frozen')) {
      server.life.freeze(prng.pick([500, 3000, 12_000, 70_000]));
      world.network.froze(world.hosts.keys(), server.life);
    }
    if (world.faults.happens('store-full')) {
      const milliseconds = prng.pick([1000, 8000, 40_000]);
      world.storeFullUntil = world.time.now + milliseconds;
      world.note('servers', `their disk is full for ${milliseconds} ms`);
    }
    if (world.faults.kinds.includes('server-restored') && prng.chance(0.04)) backup = copyDatabase(world.database);
    if (backup && world.newestServer()?.parts && world.faults.happens('server-restored')) {
      world.note('servers', 'their disk is lost and restored from a backup');
      world.restoreServer(backup);
      backup = undefined;
    } else if (world.servers.length === 1 && world.faults.happens('two-servers')) {
      const [old] = world.servers;
      if (old?.parts && prng.chance(0.5)) world.copyServer(old);
      else world.startServer();
      world.note(
        'servers',
        old?.disk.copied ? 'a copy of one goes on beside its successor' : 'another one is started while the old one lives',
      );
      world.time.after(prng.int(1000, 40_000), () => endReplaced(world));
    }
    world.time.after(prng.int(200, 2000), look);
  };
  look();
}

function strike(world: World, host: Host): void {
  const { faults, network } = world;
  const { nodeId, prng } = host;
  const lasting = () => prng.pick([500, 3000, 12_000, 70_000]);
  if (faults.happens('reset')) {
    world.note(host.name, 'its connections are reset');
    network.reset(nodeId);
  }
  if (faults.happens('cut')) {
    world.note(host.name, 'is cut off');
    network.block(nodeId, ['to-agent', 'to-server'], lasting());
  }
  if (faults.happens('one-way-cut')) {
    const direction = prng.pick(['to-agent', 'to-server'] as const);
    world.note(host.name, `nothing passes ${direction}`);
    network.block(nodeId, [direction], lasting());
  }
  if (faults.happens('disk-full')) host.fillDisk(lasting());
  if (faults.happens('clock-jump')) host.jumpClock();
  const agent = world.agents.get(nodeId);
  if (faults.happens('agent-restarted') && !agent?.life.isFrozen) void agent?.restart();
  if (agent && faults.happens('frozen')) {
    agent.life.freeze(lasting());
    network.froze([nodeId], agent.life);
  }
  if (faults.happens('reboot')) {
    // Nobody is told: what was on its way waits for a host that does not answer.
    network.block(nodeId, ['to-agent', 'to-server'], prng.int(2000, 30_000));
    world.agents.get(nodeId)?.life.end('killed with its host');
    host.losePower();
  }
}

/** From here on everything works: what was begun must come to its end. */
function becomeQuiet(world: World): void {
  world.note('weather', 'quiet from here on');
  world.faults.quiet = true;
  endReplaced(world);
}

/** Of two servers that live, the one of the higher epoch stays. */
function endReplaced(world: World): void {
  const newest = world.newestServer();
  for (const server of world.servers) if (server !== newest) server.life.end('ended: it was replaced');
}
