import { Lab, removeLabAtExit } from '../hosts/index.ts';
import { isComplete, labName } from './demo-lab.ts';
import { demoUp, lookAround } from './demo-up.ts';

/**
 * `npm run demo [-- COMMAND]`: a real Kubernetes cluster from one image on four hosts made on this machine.
 * Exit codes: 0 done, 1 the demo failed (what it made is removed), 2 wrong use, else that of the command run in the demo.
 */
const usage = `npm run demo                       make the hosts, install Seal, build the image, run the cluster (about 15 min the first time)
npm run demo -- down               remove every trace of it (caches in /var/cache/seal stay)
npm run demo -- again              down, then up
npm run demo -- sealctl ARGS...    run sealctl on the server host
npm run demo -- kubectl ARGS...    run kubectl on the first master
npm run demo -- shell HOST         a shell on server, m1, n1 or n2`;

const [command = 'up', ...args] = process.argv.slice(2);
process.exitCode = await run(command, args);

async function run(verb: string, rest: readonly string[]): Promise<number> {
  switch (verb) {
    case 'up':
      return up();
    case 'again':
      await down();
      return up();
    case 'down':
      return down();
    case 'sealctl':
      return inside('server', ['sealctl', ...rest]);
    case 'kubectl':
      return inside('m1', ['kubectl', '--kubeconfig', '/etc/kubernetes/admin.conf', ...rest]);
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
  const was = Lab.names().includes(labName);
  await Lab.remove(labName);
  console.log(
    was
      ? 'The demo is gone. Caches are in /var/cache/seal; delete that directory to free their space.'
      : 'There is no demo to remove.',
  );
  return 0;
}

async function inside(host: string, argv: readonly string[]): Promise<number> {
  const lab = Lab.open(labName);
  if (!lab) {
    console.error('The demo is not up. Start it with: npm run demo');
    return 1;
  }
  return lab.host(host).interactive(argv);
}
