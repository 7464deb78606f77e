import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { type Host, hostsHindrance, Lab, pollUntil, useLab, withLab } from './index.ts';
import { labPaths } from './lab-paths.ts';

const hindrance = await hostsHindrance();
const skip = hindrance === undefined ? false : `this machine cannot host systemd-nspawn: ${hindrance}`;
const names = { main: `test-lab-${process.pid}`, killed: `test-killed-${process.pid}`, half: `test-half-${process.pid}` };

describe('a lab of three hosts', { skip }, () => {
  const getLab = useLab({ name: names.main, hosts: [{ name: 'one' }, { name: 'two', stateSizeMiB: 8 }, { name: 'three' }] });
  let lab: Lab;
  let one: Host;
  let two: Host;
  let three: Host;

  before(() => {
    lab = getLab();
    [one, two, three] = lab.hosts() as [Host, Host, Host];
  });

  it('boots a whole systemd on each host', async () => {
    for (const host of lab.hosts()) assert.equal(await host.sh('systemctl is-system-running'), 'running');
  });

  it('gives fixed addresses from .10 on, and names that every host knows', async () => {
    assert.match(one.ip, /^10\.77\.\d+\.10$/);
    assert.match(three.ip, /^10\.77\.\d+\.12$/);
    for (const host of lab.hosts())
      for (const other of lab.hosts()) assert.ok(await reaches(host, other), `${host.name} to ${other.name}`);
  });

  it('gives Ctrl-C to the command on the terminal, and waits for how that ends', async () => {
    const program = `import { Lab } from '${new URL('index.ts', import.meta.url)}';
      const script = 'trap "echo stopping; exit 7" INT; echo ready; while :; do sleep 0.1; done';
      process.exitCode = await Lab.open('${lab.name}').host('one').interactive(['sh', '-c', script]);`;
    // A process group of its own, all of which gets the signal, as from a terminal.
    const stdio = ['ignore', 'pipe', 'inherit'] as const;
    const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], {
      detached: true,
      stdio: [...stdio],
    });
    let output = '';
    child.stdout!.on('data', (data: Buffer) => {
      if (!output.includes('ready') && `${output}${data}`.includes('ready')) process.kill(-child.pid!, 'SIGINT');
      output += data;
    });
    const [code] = await once(child, 'exit');
    assert.deepEqual([code, output], [7, 'ready\nstopping\n']);
  });

  it('refuses the internet at once', async () => {
    const result = await one.run('curl', ['-sS', '--max-time', '20', 'http://192.0.2.1/']);
    assert.equal(result.code, 7, 'curl says "cannot connect", not "timed out" (28)');
  });

  it('returns exit code and both outputs of a command, and passes input and environment', async () => {
    const result = await one.run('bash', ['--norc', '-c', 'cat; echo "$COLOUR"; echo wrong >&2; exit 3'], {
      input: 'given\n',
      env: { COLOUR: 'blue' },
    });
    assert.deepEqual(result, { code: 3, stdout: 'given\nblue\n', stderr: 'wrong\n' });
  });

  it('ends a command whose time is up', async () => {
    await assert.rejects(one.run('sleep', ['60'], { timeoutSeconds: 0.5 }), /one: sleep 60 did not end within 0\.5 s/);
  });

  it('does not wait for what a command left in the background', async () => {
    assert.equal(await one.sh('sleep 1000 & echo done'), 'done');
  });

  it('runs commands in the cgroups of the host', async () => {
    assert.match(await one.sh('cat /proc/self/cgroup'), /^0::\/init\.scope$/m);
  });

  it('lets nobody set the clock or a kernel setting of the machine', async () => {
    const panic = readFileSync('/proc/sys/kernel/panic', 'utf8');
    assert.equal((await one.run('date', ['-s', '@0'])).code, 1);
    await one.sh('echo 17 > /proc/sys/kernel/panic');
    assert.equal((await one.readFile('/proc/sys/kernel/panic')).trim(), '17');
    assert.equal(readFileSync('/proc/sys/kernel/panic', 'utf8'), panic);
    assert.notEqual((await one.run('bash', ['-c', 'echo 1 > /proc/sys/vm/compact_memory'])).code, 0);
  });

  it('has what container runtimes need: writable controllers, a plain file system, a shared root', async () => {
    for (const controller of readdirSync('/sys/fs/cgroup').includes('memory') ? ['memory', 'pids', 'cpu'] : ['.']) {
      await one.sh(`mkdir /sys/fs/cgroup/${controller}/seal-try && rmdir /sys/fs/cgroup/${controller}/seal-try`);
    }
    await one.sh(
      'cd /var/lib && mkdir -p t/l t/u t/w t/m && mount -t overlay t -o lowerdir=t/l,upperdir=t/u,workdir=t/w t/m && umount t/m',
    );
    assert.equal(await one.sh('findmnt -no PROPAGATION /'), 'shared');
    await one.sh('test -c /dev/kmsg');
  });

  it('comes back from a reboot with its files, a new boot id and a fresh network', async () => {
    const before = await one.bootId();
    await one.writeFile('/etc/kept', 'a\n', { mode: 0o600 });
    await one.sh('ip route add 198.51.100.0/24 via 10.77.255.1 onlink dev eth0; nft add table ip forgotten');
    await one.reboot();
    assert.notEqual(await one.bootId(), before);
    assert.equal(await one.sh('stat -c %a /etc/kept; cat /etc/kept'), '600\na');
    assert.equal(await one.sh('nft list tables; ip route show 198.51.100.0/24'), '');
    await reachesSoon(two, one);
  });

  it('loses its processes but not its files in a power loss, and starts again', async () => {
    await one.sh('systemd-run -q --unit=busy sleep 1000; echo there > /var/lib/state');
    await one.powerLoss();
    assert.equal(one.isRunning(), false);
    await assert.rejects(one.run('true'), /host one .* is not up: not running/);
    await one.start();
    assert.equal(await one.readFile('/var/lib/state'), 'there\n');
    assert.notEqual((await one.run('systemctl', ['is-active', 'busy'])).code, 0);
  });

  it('shuts down in good order and is started again', async () => {
    await one.shutDown();
    assert.equal(one.isRunning(), false);
    await one.start();
    assert.match(await one.sh('journalctl -b -1 --no-pager'), /Reached target poweroff\.target|Powering off|System Power Off/i);
  });

  it('is unreachable while its network is cut, even over a reboot, and reachable when healed', async () => {
    await two.cutNetwork();
    assert.equal(await reaches(one, two), false);
    await two.reboot();
    assert.equal(await reaches(one, two), false);
    await two.healNetwork();
    await reachesSoon(one, two);
  });

  it('cuts two hosts from each other only', async () => {
    await one.cutFrom(two);
    assert.deepEqual([await reaches(one, two), await reaches(two, one)], [false, false]);
    assert.deepEqual([await reaches(one, three), await reaches(two, three)], [true, true]);
    await two.healFrom(one);
    await reachesSoon(one, two);
  });

  it('loses packets as told', async () => {
    await three.dropPackets(100);
    assert.equal(await reaches(one, three), false);
    await three.dropPackets(30);
    const { stdout } = await one.run('ping', ['-q', '-i', '0.005', '-c', '200', '-W', '1', 'three']);
    const received = Number(/(\d+) received/.exec(stdout)?.[1]);
    assert.ok(received > 20 && received < 180, `${received} of 200 answers at 30 % loss each way`);
    await three.dropPackets(0);
    assert.ok(await reaches(one, three));
  });

  it('limits the rate of a host, also after its reboot', async () => {
    await three.shape('1mbit');
    await three.reboot();
    assert.match((await three.run('tc', ['qdisc', 'show', 'dev', 'eth0'])).stdout, /tbf .* rate 1Mbit/);
    await three.shape(undefined);
    assert.doesNotMatch((await three.run('tc', ['qdisc', 'show', 'dev', 'eth0'])).stdout, /tbf/);
  });

  it('stands still while frozen and goes on when thawed', async () => {
    await three.freeze();
    await assert.rejects(three.run('true', [], { timeoutSeconds: 0.5 }), /did not end/);
    await three.thaw();
    assert.equal((await three.run('true')).code, 0);
  });

  it('fills only a disk that is bounded', async () => {
    await assert.rejects(one.fillDisk(), /stateSizeMiB/);
    await two.fillDisk();
    assert.notEqual((await two.run('bash', ['-c', 'echo more > /var/lib/seal/file'])).code, 0);
    await two.freeDisk();
    await two.sh('echo more > /var/lib/seal/file');
  });

  it('can be opened by its name', async () => {
    const opened = Lab.open(names.main);
    assert.equal(await opened?.host('two').sh('hostname'), 'two');
    assert.equal(Lab.open('test-none'), undefined);
    assert.throws(() => lab.host('four'), /has no host "four"; it has one, two, three/);
  });

  it('does not collide with a second lab with the same host names, and its removal leaves the first alone', async () => {
    await withLab({ hosts: [{ name: 'one' }, { name: 'two' }] }, async (second) => {
      assert.notEqual(second.host('one').ip, one.ip);
      assert.ok(await reaches(second.host('one'), second.host('two')));
      assert.equal((await second.host('one').run('ping', ['-c1', '-W1', three.ip])).code, 1);
    });
    assert.ok(await reaches(one, two));
  });

  it('refuses a name that is taken', async () => {
    await assert.rejects(Lab.create({ name: names.main, hosts: [{ name: 'one' }] }), /exists .*down-lab\.ts/);
    assert.ok(await reaches(one, two));
  });

  it('leaves no process, namespace, mount, cgroup or directory behind', async () => {
    assert.notDeepEqual(traces(names.main), []);
    await lab.down();
    assert.deepEqual(traces(names.main), []);
    await lab.down();
  });
});

describe('a lab that was not brought down', { skip }, () => {
  after(async () => {
    for (const name of [names.killed, names.half]) await Lab.remove(name);
  });

  it('is removed by the next test when its creator was killed', async () => {
    await createAndKill(names.killed, 'SIGKILL');
    assert.equal(Lab.open(names.killed)?.isStale(), true);
    assert.ok((await Lab.removeStale({ prefix: names.killed })).includes(names.killed));
    assert.deepEqual(traces(names.killed), []);
  });

  it('is removed by its own process when that is told to end', async () => {
    await createAndKill(names.killed, 'SIGTERM');
    assert.deepEqual(traces(names.killed), []);
  });

  it('leaves nothing when one of its hosts cannot be made', async () => {
    const hosts = [{ name: 'good' }, { name: 'bad', binds: [{ from: '/nowhere', to: '/mnt' }] }];
    await assert.rejects(Lab.create({ name: names.half, hosts }), /bad is to see \/nowhere/);
    assert.deepEqual(traces(names.half), []);
  });
});

async function reaches(from: Host, to: Host): Promise<boolean> {
  return (await from.run('ping', ['-q', '-c', '1', '-W', '1', to.name])).code === 0;
}

/** The kernel asks again for an address it could not find about once a second. */
async function reachesSoon(from: Host, to: Host): Promise<void> {
  await pollUntil(async () => (await reaches(from, to)) || undefined, {
    timeoutSeconds: 10,
    describe: () => `${from.name} does not reach ${to.name}`,
  });
}

/** Whatever on this machine bears the lab's name. */
function traces(name: string): string[] {
  const paths = labPaths(name);
  const cgroups = spawnSync('find', ['/sys/fs/cgroup', '-name', paths.cgroupName], { encoding: 'utf8' }).stdout;
  const processes = spawnSync('pgrep', ['-f', `[ =/.]${name}([ /.]|$)`], { encoding: 'utf8' }).stdout;
  const namespaces = readdirSync('/run/netns').filter((entry) => entry.startsWith(paths.hubNamespace));
  const mounts = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.includes(name));
  const directories = [paths.directory].filter((path) => existsSync(path));
  return [...cgroups.split('\n'), ...processes.split('\n'), ...namespaces, ...mounts, ...directories].filter(
    (trace) => trace !== '',
  );
}

/** Has another process make the lab, and ends that with a signal: SIGKILL leaves it no chance to clean up. */
async function createAndKill(name: string, signal: NodeJS.Signals): Promise<void> {
  const index = new URL('index.ts', import.meta.url).href;
  const script = `import { withLab } from '${index}';
    await withLab({ name: ${JSON.stringify(name)}, hosts: [{ name: 'orphan' }] }, async () => {
      console.log('made');
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  child.kill(signal);
  await once(child, 'exit');
}
