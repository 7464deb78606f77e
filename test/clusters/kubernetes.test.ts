import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type SealLab, useSealLab } from '../deploy/seal-lab.ts';
import { type Host, pollUntil } from '../hosts/index.ts';
import { runCommand } from '../hosts/run-command.ts';

const example = fileURLToPath(new URL('../../examples/kubernetes', import.meta.url));
const appExample = fileURLToPath(new URL('../../examples/hello', import.meta.url));
const image = 'kubernetes:1.20.2';

describe('a real Kubernetes cluster', () => {
  const seal = useSealLab({
    agents: ['m1', 'n1', 'n2'],
    serverBinds: [
      { from: example, to: '/root/kubernetes' },
      { from: appExample, to: '/root/hello' },
    ],
  });
  const ip = (name: string) => seal().host(name).ip;
  let before_: Record<string, string> = {};

  before(async () => {
    const { code, stderr } = await runCommand('bash', [join(example, 'make-components.sh')], { timeoutSeconds: 3600 });
    assert.equal(code, 0, stderr);
    before_ = await fingerprints(seal());
    await seal().server.mustRun('sealctl', ['build', '-t', image, '-f', '/root/kubernetes/Kubefile', '/root/kubernetes'], {
      timeoutSeconds: 900,
    });
  });

  it('is installed with one master and one worker, both Ready', async () => {
    await seal().server.mustRun('sealctl', ['run', image, '-m', ip('m1'), '-n', ip('n1'), '--yes'], { timeoutSeconds: 1200 });
    assert.deepEqual(await readyNodes(seal()), ['m1', 'n1']);
  });

  it('answers to the kubeconfig that the server issues', async () => {
    const kubeconfig = await seal().mustSealctl('kubeconfig');
    await seal().host('n1').writeFile('/root/kubeconfig', kubeconfig, { mode: 0o600 });
    const output = await seal().host('n1').sh('kubectl --kubeconfig /root/kubeconfig get nodes -o name');
    await seal().host('n1').sh('rm /root/kubeconfig');
    assert.deepEqual(output.split('\n').sort(), ['node/m1', 'node/n1']);
  });

  it('takes another worker by scale-up, and runs pods on both workers behind one Service', async () => {
    await seal().server.mustRun('sealctl', ['scale-up', '-n', ip('n2'), '--yes'], { timeoutSeconds: 900 });
    assert.deepEqual(await readyNodes(seal()), ['m1', 'n1', 'n2']);
    const m1 = seal().host('m1');
    await kubectl(m1, 'apply -f /var/lib/seal/data/default/rootfs/manifests/demo-web.yaml');
    await kubectl(m1, 'rollout status deployment/demo-web --timeout=180s');
    const nodes = await kubectl(m1, 'get pods -l app=demo-web -o jsonpath=\'{range .items[*]}{.spec.nodeName}{"\\n"}{end}\'');
    assert.deepEqual([...new Set(nodes.trim().split('\n'))].sort(), ['n1', 'n2']);
    const service = await kubectl(m1, "get service demo-web -o jsonpath='{.spec.clusterIP}'");
    // A new endpoint lags the rollout by a second or two.
    const answers = await m1.sh(
      `for i in $(seq 200); do curl -fsS --max-time 5 http://${service}/ || sleep 0.5; sleep 0.05; done | grep demo-web | sort -u | wc -l`,
      { timeoutSeconds: 180 },
    );
    assert.equal(answers.trim(), '2');
  });

  it('takes an application, with what an Application document says of it, and gives it back', async () => {
    const m1 = seal().host('m1');
    await seal().mustSealctl('build', '-t', 'hello:1', '--build-mode', 'lite', '/root/hello');
    await seal().mustSealctl('run', 'hello:1', '-f', '/root/hello/two-pods.yaml', '--yes');
    await kubectl(m1, 'rollout status deployment/hello --timeout=180s');
    assert.equal(await kubectl(m1, "get deployment hello -o jsonpath='{.status.readyReplicas}'"), '2');
    const [app] = await seal().json<{ name: string; state: string }[]>('app', 'list');
    assert.deepEqual([app?.name, app?.state], ['hello', 'installed']);
    await seal().mustSealctl('app', 'uninstall', 'hello', '--yes');
    await kubectl(m1, 'wait --for=delete pod -l app=hello --timeout=120s');
    assert.equal(await kubectl(m1, 'get deployments,services,pods -l app=hello -o name'), '');
    assert.deepEqual(await seal().json('app', 'list'), []);
  });

  it('comes back Ready after a worker rebooted', async () => {
    const n1 = seal().host('n1');
    await n1.reboot();
    await seal().untilConnected('n1');
    const bootId = await n1.bootId();
    // Ready alone says nothing: the API believes the old kubelet for a while.
    await pollUntil(
      async () => {
        const seen = await kubectl(seal().host('m1'), "get node n1 -o jsonpath='{.status.nodeInfo.bootID}'");
        return (seen.trim() === bootId && (await readyNodes(seal())).includes('n1')) || undefined;
      },
      { timeoutSeconds: 180, describe: () => 'n1 is not Ready after its reboot' },
    );
  });

  it('gives a worker away by delete: drained, gone from the API, host as it was found', async () => {
    await seal().server.mustRun('sealctl', ['delete', '-n', ip('n2'), '--yes'], { timeoutSeconds: 600 });
    assert.deepEqual(await readyNodes(seal()), ['m1', 'n1']);
    assert.deepEqual(changes(before_, await fingerprints(seal()), 'n2'), []);
  });

  it('takes the same worker again', async () => {
    await seal().server.mustRun('sealctl', ['scale-up', '-n', ip('n2'), '--yes'], { timeoutSeconds: 900 });
    assert.deepEqual(await readyNodes(seal()), ['m1', 'n1', 'n2']);
  });

  it('is removed whole by delete -a: every host as it was found, agents still enrolled', async () => {
    await seal().server.mustRun('sealctl', ['delete', '-a', '--yes'], { timeoutSeconds: 900 });
    assert.deepEqual(await seal().json('status'), []);
    const now = await fingerprints(seal());
    for (const name of ['m1', 'n1', 'n2']) assert.deepEqual(changes(before_, now, name), []);
    await seal().untilConnected('m1', 'n1', 'n2');
  });
});

/** Names of the nodes that kubectl shows as Ready, sorted. */
async function readyNodes(seal: SealLab): Promise<string[]> {
  const output = await kubectl(seal.host('m1'), 'get nodes --no-headers');
  return output
    .split('\n')
    .flatMap((line) => (/^(\S+)\s+Ready\s/.exec(line) ?? []).slice(1))
    .sort();
}

function kubectl(host: Host, args: string): Promise<string> {
  return host.sh(`kubectl --kubeconfig /etc/kubernetes/admin.conf ${args}`, { timeoutSeconds: 240 });
}

/** Lines that came (+) and went (-) between two fingerprints of a host. */
function changes(before: Record<string, string>, after: Record<string, string>, name: string): string[] {
  const [old, fresh] = [before, after].map((all) => (all[name] ?? '').split('\n'));
  const came = fresh?.filter((line) => !old?.includes(line)).map((line) => `+ ${line}`) ?? [];
  const went = old?.filter((line) => !fresh?.includes(line)).map((line) => `- ${line}`) ?? [];
  return [...came, ...went];
}

/** What a cluster might leave on a host: files outside caches and logs, units, links, routes, firewall rules, mounts. One text per host. */
async function fingerprints(seal: SealLab): Promise<Record<string, string>> {
  const script = `find /etc /usr /opt /root /var/lib -xdev \\( -path /var/lib/seal -o -path /usr/local/lib/seal -o -name '*.cache' \\) -prune -o -type f -print | sort
systemctl list-unit-files --no-legend | awk '{print $1, $2}' | sort
ip -o link | awk -F': ' '{print $2}'
ip route
iptables-save 2>/dev/null | grep -v '^#' | grep -c -E 'KUBE|CNI' || true
ls /var/lib/seal/data 2>/dev/null || true
awk '{print $2}' /proc/mounts | grep -E 'kubelet|containerd|netns|/var/lib/seal/data' || true`;
  const entries = await Promise.all(['m1', 'n1', 'n2'].map(async (name) => [name, await seal.host(name).sh(script)] as const));
  return Object.fromEntries(entries);
}
