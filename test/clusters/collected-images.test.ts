import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { dump } from 'js-yaml';
import { startTestRegistry } from '../../packages/cluster-image/src/registry-client/test-registry.ts';
import { useSealLab } from '../deploy/seal-lab.ts';
import { runCommand } from '../hosts/run-command.ts';

const example = fileURLToPath(new URL('../../examples/kubernetes', import.meta.url));
const sealctl = fileURLToPath(new URL('../../packages/sealctl/src/main.ts', import.meta.url));
const image = 'kubernetes:collected';
const work = await mkdtemp(join(tmpdir(), 'seal-collected-'));

describe('container images that a build collected', () => {
  const seal = useSealLab({ agents: ['m1', 'n1'], serverBinds: [{ from: work, to: '/root/build' }] });
  let name = '';
  let shop = '';
  const kubectl = (line: string) =>
    seal().host('m1').sh(`kubectl --kubeconfig /etc/kubernetes/admin.conf ${line}`, { timeoutSeconds: 300 });

  before(async () => {
    const run = async (program: string, ...args: string[]) => {
      const { code, stderr } = await runCommand(program, args, { timeoutSeconds: 1800 });
      assert.equal(code, 0, `${program} ${args.join(' ')}: ${stderr}`);
    };
    await run('bash', join(example, 'make-components.sh'));
    await using registry = await startTestRegistry();
    name = `${registry.host}/team/web:7`;
    shop = `${registry.host}/team/shop:1`;
    const archive = join(example, 'components/images/demo-web.tar');
    for (const each of [name, shop])
      await run('skopeo', 'copy', '-q', '--dest-tls-verify=false', `docker-archive:${archive}`, `docker://${each}`);
    await writeFile(join(work, 'list'), `${name}\n`);
    await mkdir(join(work, 'shop'));
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'shop' } };
    const spec = { containers: [{ name: 'shop', image: shop, imagePullPolicy: 'Never' }] };
    await writeFile(join(work, 'shop/shop.yaml'), dump({ ...pod, spec }));
    await writeFile(join(work, 'shop/Kubefile'), 'FROM scratch\nAPP shop local://shop.yaml\n');
    const build = (tag: string, context: string, ...more: string[]) =>
      run(process.execPath, sealctl, 'build', '-t', tag, '--insecure', '--store', join(work, 'store'), ...more, context);
    await build(image, example, '--image-list', join(work, 'list'));
    await build('shop:1', join(work, 'shop'));
    for (const each of [image, 'shop:1']) await seal().mustSealctl('push', each, '--remote', '--store', '/root/build/store');
  });
  after(() => rm(work, { recursive: true, force: true }));

  it('are on every node once the cluster is up, with no registry in reach, and run as pods', async () => {
    const [m1, n1] = [seal().host('m1'), seal().host('n1')];
    await seal().server.mustRun('sealctl', ['run', image, '-m', m1.ip, '-n', n1.ip, '--yes'], { timeoutSeconds: 1200 });
    for (const host of [m1, n1]) assert.match(await host.sh('ctr -n k8s.io images ls -q'), new RegExp(`^${name}$`, 'm'));
    await kubectl(`run web --image ${name} --image-pull-policy Never`);
    await kubectl('wait --for=condition=Ready pod/web --timeout=180s');
  });

  it('of an application come with it', async () => {
    await seal().mustSealctl('run', 'shop:1', '--yes');
    await kubectl('wait --for=condition=Ready pod/shop --timeout=180s');
  });
});
