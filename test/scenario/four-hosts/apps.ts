import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { SealLab } from '../../deploy/seal-lab.ts';
import type { Host } from '../../hosts/index.ts';
import { clearAway, effectsOn } from '../scenario-image.ts';

/** Kubefiles of the images, for the server's host. */
export const appsBind = { from: fileURLToPath(new URL('../apps', import.meta.url)), to: '/root/apps' };
const rootfs = '/var/lib/seal/data/default/rootfs';
const [kubernetes, helm, calico] = ['labring/kubernetes:v1.20.2', 'labring/helm:v3.8.2', 'labring/calico:v3.24.1'];

interface ListedApp {
  readonly name: string;
  readonly kind: string;
  readonly state: string;
  readonly sinceMs: number;
  readonly directory: string;
}

/** A cluster of several images, and what is put into it and taken out again. */
export function appsAndPatches(seal: () => SealLab): void {
  describe('apps, patches and several images at once, with images as sealos and sealer make them', () => {
    const ip = (name: string) => seal().host(name).ip;
    const listed = async () =>
      (await seal().json<ListedApp[]>('app', 'list')).map(({ name, kind, state }) => `${name} ${kind} ${state}`);
    const hosts = ['m1', 'n1', 'n2'];
    before(async () => {
      await clearAway(seal(), hosts);
      await buildAll(seal());
    });
    after(() => seal().host('m1').sh('rm -rf /usr/bin/helm /var/lib/helm-double /run/mended'));

    it('shows the plan of all images: the rootfs first whatever the order said, apps in theirs', async () => {
      const plan = await seal().json<{ phases: { name: string }[] }>(
        ...['plan', 'run', helm, kubernetes, calico, '-m', ip('m1'), '-n', ip('n1'), '-e', 'Colour=green'],
      );
      const names = plan.phases.map((phase) => phase.name);
      assert.deepEqual(names.slice(0, 7), [
        ...[
          'host-aliases',
          'distribute-image',
          'check-hosts',
          'registry',
          'container-runtime',
          'prepare-hosts',
          'registry-login',
        ],
      ]);
      assert.deepEqual(names.slice(-3), ['distribute-apps', 'launch-helm', 'launch-calico']);
    });

    it('runs them: scripts of the labels with $VAR of ENV, then the commands of each image on the first master', async () => {
      await seal().mustSealctl('run', helm, kubernetes, calico, '-m', ip('m1'), '-n', ip('n1'), '-e', 'Colour=green', '--yes');
      const scripts = { check: 1, init: 1, init_cri: 1, auth: 1 };
      assert.deepEqual(await effectsOn(seal().host('m1')), { ...scripts, init_registry: 1, kubeadm_init: 1 });
      assert.deepEqual(await effectsOn(seal().host('n1')), { ...scripts, kubeadm_join: 1 });
      assert.deepEqual(await logOf(seal().host('m1'), 'arguments'), [
        'check got: /var/lib/registry',
        'init-registry got: /var/lib/registry /etc/registry',
        'init-cri got: ',
        'init got: sealos.hub 5000',
        'auth got: admin',
      ]);
      assert.equal(await seal().host('n1').sh(`cat ${rootfs}/etc/hosts.txt`), 'registry sealos.hub:5000 colour green');
      assert.match(await seal().host('n1').sh('cat /etc/hosts'), new RegExp(`${ip('m1').replaceAll('.', '\\.')} sealos\\.hub`));
      assert.equal(await seal().host('m1').sh('readlink /var/lib/registry'), `${rootfs}/registry`);
      assert.match((await logOf(seal().host('m1'), 'kubectl')).at(-1) ?? '', /^create namespace tigera-operator$/);
      const [install] = await logOf(seal().host('m1'), 'helm');
      assert.match(
        install ?? '',
        /^helm install calico charts\/calico --namespace tigera-operator in calico-[0-9a-f]{12} colour green$/,
      );
      assert.equal(
        await seal().host('n1').sh('ls /usr/bin/helm 2>/dev/null || true; ls /var/lib/seal/data/default | grep -v joined'),
        'rootfs',
      );
      assert.deepEqual(await listed(), ['helm app installed', 'calico app installed']);
    });

    it('puts an app image into the only cluster, with what an Application document says of its apps', async () => {
      await seal().mustSealctl('run', 'shop:1', '-f', '/root/apps/shop/shop.yaml', '--yes');
      const [m1, shop] = [seal().host('m1'), await place(seal(), 'web')];
      assert.deepEqual((await logOf(m1, 'helm')).at(-1), 'helm upgrade --install db . in db colour green');
      assert.deepEqual((await logOf(m1, 'kubectl')).slice(-2), ['apply -f ./config.yaml', 'apply -f ./deploy.yaml']);
      assert.deepEqual(await logOf(m1, 'tool'), ['tool of default shared user']);
      const apps = `${shop}/application/apps`;
      assert.equal(await m1.sh(`cat ${apps}/db/values.yaml`), 'replicas: 2\nshared: app\nimage: yes');
      assert.match(await m1.sh(`cat ${apps}/web/config.yaml`), /size: big\n.*keep: "?yes/s);
      assert.equal(await m1.sh(`cat ${apps}/db/password.txt`), 'geheim-4711');
      assert.equal(await seal().server.sh('grep -a -l geheim-4711 /var/lib/seal/server/state.db* || true'), '');
    });

    it('refuses what is there already, and an image for another Kubernetes; --force launches again', async () => {
      const again = await seal().sealctl(['run', 'shop:1', '--yes']);
      assert.match(`${again.code} ${again.stderr}`, /^5 APP_EXISTS: cluster default has db \(.*shop:1\), web .*--force/s);
      const newer = await seal().sealctl(['run', 'newer:1', '--yes']);
      assert.match(
        newer.stderr,
        /KUBE_VERSION_UNSUPPORTED: image .*newer:1 is for Kubernetes ">=1.22", and cluster default has v1\.20\.2/,
      );
      await seal().mustSealctl(
        'run',
        'shop:1',
        '--force',
        '--yes',
        '--cmds',
        'echo "$Shared in $(basename $PWD)" >>/var/log/seal-scenario/own',
      );
      assert.match((await logOf(seal().host('m1'), 'own')).join(), /^image in shop-[0-9a-f]{12}$/);
      await seal().mustSealctl('app', 'uninstall', 'shop', '--force', '--yes');
    });

    it('goes on with an app whose launch failed, from the command that failed', async () => {
      const m1 = seal().host('m1');
      const failed = await seal().sealctl(['run', 'broken:1', '--yes']);
      assert.match(`${failed.code} ${failed.stderr}`, /^1 .*test -e \/run\/mended failed, exit code 1/s);
      assert.ok((await listed()).includes('broken app installing'));
      await m1.sh('touch /run/mended');
      const [operation] = await seal().json<{ id: string }[]>('operation', 'list');
      await seal().mustSealctl('operation', 'resume', operation?.id ?? '');
      assert.deepEqual(await logOf(m1, 'broken'), ['first', 'last']);
      assert.ok((await listed()).includes('broken app installed'));
      await seal().mustSealctl('app', 'uninstall', 'broken', '--yes');
      assert.deepEqual((await logOf(m1, 'broken')).at(-1), 'taken back in broken');
    });

    it('lays a patch over the rootfs of every node, and over that of a node that joins later', async () => {
      await seal().host('m1').sh(`echo mine >${rootfs}/etc/written`);
      await seal().mustSealctl('run', 'fix:1', '--yes');
      await seal().mustSealctl('scale-up', '-n', ip('n2'), '--yes');
      for (const name of ['m1', 'n1', 'n2']) {
        const text = await seal().host(name).sh(`cat ${rootfs}/statics/audit-policy.yml ${rootfs}/etc/patched.txt`);
        assert.equal(text, 'patched\npatched default green', name);
        assert.deepEqual(await logOf(seal().host(name), 'patch'), [`patch on ${name}`]);
      }
      assert.equal((await effectsOn(seal().host('n2'))).patched_init, 1);
      assert.equal((await effectsOn(seal().host('n2'))).init, undefined);
    });

    it('remembers apps over a restart of the server and a reboot of their master', async () => {
      const before_ = await listed();
      await seal().server.sh('systemctl restart seal-server');
      await seal().host('m1').reboot();
      await seal().untilConnected('m1', 'n1', 'n2');
      assert.deepEqual(await listed(), before_);
      const shop = await place(seal(), 'web');
      assert.match(await seal().host('m1').sh(`ls ${shop}/application/apps ${rootfs}/etc`), /tool\nweb\n.*patched\.txt/s);
    });

    it('takes apps back by what launched them, and says what it cannot take back', async () => {
      const m1 = seal().host('m1');
      const shop = await place(seal(), 'web');
      for (const name of ['web', 'db', 'tool']) await seal().mustSealctl('app', 'uninstall', name, '--yes');
      assert.deepEqual((await logOf(m1, 'kubectl')).slice(-2), [
        'delete --ignore-not-found -f ./deploy.yaml',
        'delete --ignore-not-found -f ./config.yaml',
      ]);
      assert.match((await logOf(m1, 'helm')).at(-1) ?? '', /^helm uninstall db in db/);
      assert.deepEqual((await logOf(m1, 'tool')).at(-1), 'tool goes');
      assert.equal(await m1.sh(`ls ${shop} 2>/dev/null || echo gone`), 'gone');
      const refused = await seal().sealctl(['app', 'uninstall', 'helm', '--yes']);
      assert.match(`${refused.code} ${refused.stderr}`, /^5 APP_NOT_UNDOABLE: app helm .*launched by CMD.*uninstall\.sh/s);
      await seal().mustSealctl('app', 'uninstall', 'helm', '--force', '--yes');
      await seal().mustSealctl('app', 'uninstall', 'fix', '--yes');
      for (const name of ['m1', 'n1', 'n2'])
        assert.equal(
          await seal().host(name).sh(`cat ${rootfs}/statics/audit-policy.yml; ls ${rootfs}/etc | grep patched || true`),
          'original',
        );
      assert.equal(await m1.sh(`cat ${rootfs}/etc/written`), 'mine');
      assert.deepEqual(await listed(), ['calico app installed']);
    });

    it('goes whole with the cluster: mounts of apps, links and scripts of the labels', async () => {
      await seal().mustSealctl('delete', '-a', '--yes');
      assert.deepEqual(await listed(), []);
      for (const name of ['m1', 'n1']) {
        const left = await seal()
          .host(name)
          .sh('ls /var/lib/seal/data; ls -d /var/lib/registry 2>/dev/null || true; grep seal/data /proc/mounts || true');
        assert.equal(left, '', name);
        assert.equal((await effectsOn(seal().host(name))).clean, 1);
      }
      assert.deepEqual(await logOf(seal().host('m1'), 'arguments').then((lines) => lines.slice(-2)), [
        'clean got: /var/lib/containerd',
        'clean-registry got: /var/lib/registry /etc/registry',
      ]);
    });
  });
}

/** The doubles of kubeadm and kubectl are those of the other scenarios. */
async function buildAll(seal: SealLab): Promise<void> {
  await seal.server.sh(
    `cp -r /root/apps /root/build && cp -r /root/image/bin /root/build/kubernetes/ && cp /root/image/scripts/effect.sh /root/build/kubernetes/scripts/`,
  );
  const builds = {
    [kubernetes]: 'kubernetes',
    [helm]: 'helm',
    [calico]: 'calico',
    'shop:1': 'shop',
    'fix:1': 'fix',
    'newer:1': 'newer',
    'broken:1': 'broken',
  };
  for (const [name, directory] of Object.entries(builds)) await seal.mustSealctl('build', '-t', name, `/root/build/${directory}`);
}

/** Directory on the first master where the image of an app lies. */
async function place(seal: SealLab, app: string): Promise<string> {
  const apps = await seal.json<ListedApp[]>('app', 'list');
  return apps.find((each) => each.name === app)?.directory ?? '';
}

async function logOf(host: Host, name: string): Promise<string[]> {
  const text = await host.sh(`cat /var/log/seal-scenario/${name} 2>/dev/null || true`);
  return text.split('\n').filter((line) => line !== '');
}
