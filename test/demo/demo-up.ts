import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildRelease } from '@seal/release';
import { createInstallLine } from '../deploy/install-agents.ts';
import { distMount, installServer } from '../deploy/install-server.ts';
import { untilConnected } from '../deploy/until-connected.ts';
import { type Host, Lab } from '../hosts/index.ts';
import { runCommand } from '../hosts/run-command.ts';
import { labName, markComplete } from './demo-lab.ts';
import { PhaseClock } from './phase-clock.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const example = join(root, 'examples/kubernetes');
const image = 'kubernetes:1.20.2';
const appExample = join(root, 'examples/hello');
const agents = ['m1', 'n1', 'n2'];

/** The main job from an empty machine to a running cluster. Throws with what failed; the caller removes the hosts. */
export async function demoUp(): Promise<void> {
  const clock = new PhaseClock();
  const { serverArchive } = await clock.phase('Build Seal: server, agent and sealctl', () => buildRelease({ onProgress: say }));
  await clock.phase('Make the Kubernetes components (compiled from Debian sources the first time, then cached)', () =>
    mustRun('bash', [join(example, 'make-components.sh')], 3600),
  );
  const lab = await clock.phase('Boot four hosts with systemd: server, m1, n1, n2', () => bootHosts(serverArchive));
  const server = lab.host('server');
  await clock.phase('Install the server as a systemd unit', () => startServer(lab, serverArchive));
  await clock.phase('Install an agent on m1, n1 and n2 with one line and a bootstrap token', () => startAgents(lab));
  await clock.phase('Restart one agent and reboot a host: both come back by themselves', () => shakeAgents(lab));
  await clock.phase(`Build the ClusterImage ${image} with sealctl`, () =>
    inHost(
      server,
      `sealctl build -t ${image} -f /root/examples/kubernetes/Kubefile /root/examples/kubernetes && sealctl images`,
      900,
    ),
  );
  const [m1, n1, n2] = agents.map((name) => lab.host(name).ip);
  await clock.phase(`Run the cluster: sealctl run ${image} -m ${m1} -n ${n1},${n2}`, () =>
    inHost(server, `sealctl run ${image} -m ${m1} -n ${n1},${n2} --yes`, 1200),
  );
  await clock.phase('Look at it with kubectl', () => lookAtNodes(lab));
  await clock.phase('Run pods on both workers and reach them over a Service', () => runPods(lab));
  await clock.phase('Put an application into the cluster: sealctl run hello:1', () => runApp(lab));
  markComplete();
  console.log(
    `\n\x1b[1mA Kubernetes cluster runs on three hosts, made from one image, without SSH.\x1b[0m\n\n${clock.table()}\n`,
  );
  console.log(lookAround(lab));
}

/** Lines that can be pasted. */
export function lookAround(lab: Lab): string {
  const addresses = lab.hosts().map((host) => `${host.name} ${host.ip}`);
  return `Hosts: ${addresses.join(', ')}
Look around:
  npm run -s demo -- sealctl status
  npm run -s demo -- sealctl nodes
  npm run -s demo -- sealctl operation list
  npm run -s demo -- sealctl exec all -- uptime
  npm run -s demo -- kubectl get nodes,pods -A -o wide
  npm run -s demo -- shell m1
Take the application away:
  npm run -s demo -- sealctl app uninstall hello
Take a worker away and bring it back:
  npm run -s demo -- sealctl delete -n ${lab.host('n2').ip}
  npm run -s demo -- sealctl scale-up -n ${lab.host('n2').ip}
Remove everything:
  npm run demo -- down`;
}

async function bootHosts(serverArchive: string): Promise<Lab> {
  mkdirSync(join(example, 'components'), { recursive: true });
  const binds = [
    { from: dirname(serverArchive), to: distMount },
    { from: example, to: '/root/examples/kubernetes' },
    { from: appExample, to: '/root/examples/hello' },
  ];
  return Lab.create({ name: labName, hosts: [{ name: 'server', binds }, ...agents.map((name) => ({ name }))], onProgress: say });
}

async function startServer(lab: Lab, serverArchive: string): Promise<void> {
  const server = lab.host('server');
  await installServer(server, serverArchive, { onOutput: show });
  await inHost(server, 'systemctl --no-pager --lines=0 status seal-server && sealctl version');
}

async function startAgents(lab: Lab): Promise<void> {
  const hosts = agents.map((name) => lab.host(name));
  const line = await createInstallLine(lab.host('server'), ['--uses', String(hosts.length)]);
  say(`the line: ${withoutSecret(line)}`);
  for (const host of hosts) await inHost(host, line);
  await untilConnected(lab.host('server'), hosts);
}

/** A line with a bootstrap token in it, as it may be shown. */
function withoutSecret(line: string): string {
  return line.replace(/(seal1\.[^.]+\.)[^.]+/, '$1<secret>');
}

async function shakeAgents(lab: Lab): Promise<void> {
  await lab.host('n1').restartUnit('seal-agent');
  say('n1: systemctl restart seal-agent');
  await lab.host('n2').reboot();
  say('n2: rebooted');
  await untilConnected(
    lab.host('server'),
    agents.map((name) => lab.host(name)),
  );
  await inHost(lab.host('server'), 'sealctl nodes');
}

async function lookAtNodes(lab: Lab): Promise<void> {
  const output = await kubectl(lab, 'get nodes -o wide');
  const ready = output.split('\n').filter((line) => / Ready /.test(line));
  if (ready.length !== agents.length) throw new Error(`kubectl shows ${ready.length} of ${agents.length} nodes Ready`);
}

async function runPods(lab: Lab): Promise<void> {
  const m1 = lab.host('m1');
  await kubectl(lab, 'apply -f /var/lib/seal/data/default/rootfs/manifests/demo-web.yaml');
  await kubectl(lab, 'rollout status deployment/demo-web --timeout=180s');
  await kubectl(lab, 'get pods,services -o wide');
  // A new endpoint lags the rollout by a second or two.
  const answered = await m1.sh(
    `ip=$(kubectl --kubeconfig /etc/kubernetes/admin.conf get service demo-web -o jsonpath='{.spec.clusterIP}')
     for i in $(seq 200); do
       curl -fsS --max-time 5 "http://$ip/" || sleep 0.5
       sleep 0.05
     done | sort | uniq -c | grep demo-web`,
    { timeoutSeconds: 180 },
  );
  console.log(`answers over the Service, by pod:\n${answered}`);
  if (answered.trim().split('\n').length < 2) throw new Error(`only one pod answered over the Service:\n${answered}`);
}

async function runApp(lab: Lab): Promise<void> {
  const server = lab.host('server');
  await inHost(server, 'sealctl build -t hello:1 --build-mode lite /root/examples/hello && sealctl run hello:1 --yes', 300);
  await kubectl(lab, 'rollout status deployment/hello --timeout=180s');
  await inHost(server, 'sealctl app list');
}

async function kubectl(lab: Lab, args: string): Promise<string> {
  return inHost(lab.host('m1'), `kubectl --kubeconfig /etc/kubernetes/admin.conf ${args}`, 300);
}

/** Runs a shell line in a host, showing its output as it comes; throws when it fails. */
async function inHost(host: Host, line: string, timeoutSeconds = 180): Promise<string> {
  let output = '';
  const onOutput = (text: string) => {
    output += text;
    show(text);
  };
  const { code } = await host.run('bash', ['-c', line], { timeoutSeconds, onOutput });
  if (code !== 0) throw new Error(`${host.name}: "${withoutSecret(line)}" ended with exit code ${code}`);
  return output;
}

async function mustRun(command: string, args: readonly string[], timeoutSeconds: number): Promise<void> {
  const { code } = await runCommand(command, args, { timeoutSeconds, onOutput: show });
  if (code !== 0) throw new Error(`${[command, ...args].join(' ')} ended with exit code ${code}`);
}

function show(text: string): void {
  process.stdout.write(text);
}

function say(line: string): void {
  console.log(`    ${line}`);
}
