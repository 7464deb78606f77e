import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { SealLab } from '../../deploy/seal-lab.ts';
import { image } from '../scenario-image.ts';

/** What sealctl must answer: exit code, error code, and what the text must name. */
interface Refusal {
  readonly args: readonly string[];
  readonly exit: number;
  readonly says: readonly RegExp[];
}

/** Needs a server without operations, and a host `bare` without an agent. */
export function badInput(seal: () => SealLab): void {
  describe('bad input', () => {
    const ip = (name: string) => seal().host(name).ip;
    after(async () => {
      assert.deepEqual(await seal().json('status'), [], 'a refused command left a cluster behind');
      assert.deepEqual(await seal().json('operation', 'list'), [], 'a refused command left an operation behind');
    });

    const refused = async ({ args, exit, says }: Refusal) => {
      const { code, stdout, stderr } = await seal().sealctl(args);
      assert.equal(code, exit, stdout + stderr);
      for (const pattern of says) assert.match(stderr, pattern);
      assert.doesNotMatch(stderr, /^\s+at .*\d+:\d+\)?$/m, 'a stack trace');
    };

    it('a host without an agent: names it and prints the line that installs one', () =>
      refused({
        args: ['run', image, '-m', ip('m1'), '-n', ip('bare')],
        exit: 5,
        says: [/NODE_NOT_ENROLLED/, new RegExp(ip('bare')), /install\.sh/],
      }));

    it('an agent that is away', async () => {
      await seal().host('n1').sh('systemctl stop seal-agent');
      await refused({
        args: ['run', image, '-m', ip('m1'), '-n', ip('n1')],
        exit: 5,
        says: [/NODE_NOT_CONNECTED/, new RegExp(ip('n1'))],
      });
      await seal().host('n1').sh('systemctl start seal-agent');
      await seal().untilConnected('n1');
    });

    it('the same host twice', () =>
      refused({ args: ['run', image, '-m', ip('m1'), '-n', ip('m1')], exit: 3, says: [/HOSTS_INVALID/, new RegExp(ip('m1'))] }));

    it('overlapping ranges', () => {
      const net = ip('m1').replace(/\d+$/, '');
      return refused({
        args: ['run', image, '-m', ip('m1'), '-n', `${net}50-${net}60,${net}55`],
        exit: 3,
        says: [/HOSTS_INVALID/, /\.55/],
      });
    });

    it('a range the wrong way round', () =>
      refused({
        args: ['run', image, '-m', ip('m1'), '-n', '10.1.0.9-10.1.0.2'],
        exit: 3,
        says: [/HOSTS_INVALID/, /10\.1\.0\.9-10\.1\.0\.2/],
      }));

    it('no address at all', () => refused({ args: ['run', image, '-m', 'server'], exit: 3, says: [/HOSTS_INVALID/, /server/] }));

    it('no master', () => refused({ args: ['run', image, '-n', ip('n1')], exit: 3, says: [/NO_MASTER/] }));

    it('an image that is nowhere', () =>
      refused({ args: ['run', 'nothing:1', '-m', ip('m1')], exit: 4, says: [/IMAGE_NOT_FOUND/, /nothing:1/] }));

    it('an image of another architecture', async () => {
      await seal().mustSealctl(
        'build',
        '--platform',
        'linux/arm64',
        '-t',
        'foreign:1',
        '-f',
        '/root/image/Kubefile',
        '/root/image',
      );
      await refused({ args: ['run', 'foreign:1', '-m', ip('m1')], exit: 3, says: [/IMAGE_ARCH_MISMATCH/, /arm64/, /amd64/] });
    });

    it('a port that is taken on a host', async () => {
      await seal().host('m1').sh('systemd-run --unit=squatter /usr/bin/openssl s_server -accept 6443 -nocert -quiet');
      await seal()
        .host('m1')
        .sh('for i in $(seq 50); do grep -q 192B /proc/net/tcp /proc/net/tcp6 && exit 0; sleep 0.1; done; exit 1');
      await refused({ args: ['run', image, '-m', ip('m1')], exit: 5, says: [/PORT_TAKEN/, /6443/, /m1/] });
      await seal().host('m1').sh('systemctl stop squatter');
    });

    it('a mistake in a Kubefile: file, line and what was expected', async () => {
      await seal().server.writeFile('/root/bad/Kubefile', 'FROM scratch\nCOPPY a b\n');
      await refused({
        args: ['build', '-t', 'bad:1', '-f', '/root/bad/Kubefile', '/root/bad'],
        exit: 3,
        says: [/KUBEFILE_INVALID/, /Kubefile:2/, /COPY/],
      });
    });

    it('a mistake in a Clusterfile: file, line and what was expected', async () => {
      const text = `apiVersion: sealer.io/v2\nkind: Cluster\nmetadata:\n  name: c1\nspec:\n  image: ${image}\n  hosts:\n    - ips: [10.1.0.1]\n      rolls: [master]\n`;
      await seal().server.writeFile('/root/Clusterfile', text);
      await refused({
        args: ['run', '-f', '/root/Clusterfile'],
        exit: 3,
        says: [/CLUSTERFILE_INVALID/, /Clusterfile:9/, /roles/],
      });
    });

    it('an unknown flag and an unknown command', async () => {
      await refused({ args: ['run', '--mastres', '1.2.3.4'], exit: 2, says: [/mastres/] });
      await refused({ args: ['rnu'], exit: 2, says: [/rnu/, /run/] });
    });

    it('a server that is not there', async () => {
      const { code, stderr } = await seal().server.run('sealctl', ['--server', '127.0.0.1:1', 'nodes']);
      assert.equal(code, 7);
      assert.match(stderr, /SERVER_UNREACHABLE|SERVER_NOT_CHOSEN|CONTEXT/);
    });

    it('a port of the server that is taken: the server says which and ends', async () => {
      const { code, stderr } = await seal().server.run('seal-server', [
        '--state-directory',
        '/tmp/other',
        '--run-directory',
        '/tmp/run',
        '--https-port',
        '9444',
      ]);
      assert.equal(code, 7);
      assert.match(stderr, /PORT_IN_USE.*7443/);
    });

    it('an installation without root', async () => {
      const { code, stderr } = await seal()
        .host('bare')
        .run('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', 'sh'], {
          input: await seal().server.sh('curl -fsSk https://127.0.0.1:7444/install.sh'),
        });
      assert.notEqual(code, 0);
      assert.match(stderr, /NOT_ROOT/);
    });
  });
}
