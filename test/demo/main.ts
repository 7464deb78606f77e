import { claimLab, Lab, removeLabAtExit } from '../hosts/index.ts';
import { isComplete, labName } from './demo-lab.ts';
import { demoUp, lookAround } from './demo-up.ts';

/**
 * `npm run demo [-- COMMAND]`: a real Kubernetes cluster from one image on four hosts made on this machine.
 * Exit codes: 0 done, 1 the demo failed (what it made is removed), 2 wrong use, else that of the command run in the demo.
 */
const usage = `npm run demo                       make the hosts, install Seal, build the image, run the cluster (about 15 min the first time)
npm run demo -- down               remove its hosts (caches, examples/kubernetes/components and dist stay)
npm run demo -- again              down, then up
npm run demo -- sealctl ARGS...    run sealctl on the server host
npm run demo -- kubectl ARGS...    run kubectl on the first master
npm run demo -- shell HOST         a shell on server, m1, n1 or n2`;

const adminConfig = '/etc/kubernetes/admin.conf';

const [command = 'up', ...args] = process.argv.slice(2);
process.exitCode = await run(command, args);

async function run(verb: string, rest: readonly string[]): Promise<number> {
  switch (verb) {
    case 'up':
      return up();
    case 'again':
      return (await down()) || up();
    case 'down':
      return down();
    case 'sealctl':
      return inside('server', ['sealctl', ...rest]);
    case 'kubectl':
      return inside('m1', ['kubectl', '--kubeconfig', adminConfig, ...rest]);
    case 'shell':
      return inside(rest[0] ?? 'server', ['bash', '--login']);
    case 'help':
    case '--help':
      console.log(usage);
      return 0;
    default:
      console.error(`demo: unknown command "${verb}"\n\n${usage}`);
      return 2;
  }
}

async function up(): Promise<number> {
  const running = Lab.open(labName);
  if (running && isComplete()) {
    console.log('The demo is up already.\n');
    console.log(lookAround(running));
    return 0;
  }
  if (isBeingMade()) return 1;
  if (Lab.names().includes(labName)) {
    console.log('Removing what an interrupted demo left behind.');
    await Lab.remove(labName);
  }
  const keep = removeLabAtExit(labName);
  try {
    await demoUp();
    keep();
    return 0;
  } catch (error) {
    console.error(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}`);
    if (process.env.SEAL_DEMO_KEEP === '1') {
      keep();
      console.error('Its hosts are kept (SEAL_DEMO_KEEP=1). Remove them with: npm run demo -- down');
    } else console.error('Its hosts are removed. To keep them for a look: SEAL_DEMO_KEEP=1 npm run demo');
    return 1;
  }
}

async function down(): Promise<number> {
  if (isBeingMade()) return 1;
  const was = Lab.names().includes(labName);
  await Lab.remove(labName);
  console.log(
    was
      ? `The demo's hosts are gone. What is kept, so that the next demo is faster, and can be deleted: /var/cache/seal,
examples/kubernetes/components (the Kubernetes components, about 620 MB) and dist (Seal's own archives, about 80 MB).`
      : 'There is no demo to remove.',
  );
  return 0;
}

/** Two demos at once would destroy each other. Tells who makes one; when nobody does, nobody else can until this process ends. */
function isBeingMade(): boolean {
  const maker = claimLab(labName);
  if (maker === undefined) return false;
  console.error(
    `A demo is being made or removed by process ${maker}. Wait for it, or end it, which removes its hosts: kill ${maker}`,
  );
  return true;
}

async function inside(name: string, argv: readonly string[]): Promise<number> {
  const lab = Lab.open(labName);
  if (!lab) return complain('The demo is not up. Start it with: npm run demo');
  const names = lab.hosts().map((host) => host.name);
  if (!names.includes(name)) {
    console.error(`The demo has no host "${name}"; it has ${names.join(', ')}.`);
    return 2;
  }
  const host = lab.host(name);
  if (!host.isRunning()) return complain(`The host ${name} is not up (yet).`);
  if (argv[0] === 'kubectl' && (await host.run('test', ['-e', adminConfig])).code !== 0)
    return complain(`There is no cluster on ${name} (yet): ${adminConfig} is not there.`);
  return host.interactive(argv);
}

function complain(line: string): number {
  console.error(line);
  return 1;
}
