import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import type { SealLab } from '../deploy/seal-lab.ts';

/**
 * OpenSSH from Debian on all hosts, with a warm ControlMaster from the server's host to each of `names`. False, with the reason, where the
 * packages cannot be had.
 */
export async function installSsh(seal: SealLab, names: readonly string[]): Promise<true | string> {
  const folder = mkdtempSync(join(tmpdir(), 'seal-ssh-'));
  try {
    const got = await execa('apt-get', ['download', 'openssh-server', 'openssh-client', 'libwrap0'], {
      cwd: folder,
      reject: false,
    });
    if (got.failed) return `apt-get download openssh-server: ${got.stderr.split('\n')[0]}`;
    const packages = readdirSync(folder);
    const hosts = [seal.server, ...names.map((name) => seal.host(name))];
    for (const host of hosts) {
      for (const name of packages) await host.copyFile(join(folder, name), `/opt/ssh/${name}`);
      await host.sh(
        'for package in /opt/ssh/*.deb; do dpkg-deb --fsys-tarfile $package | tar -x --keep-directory-symlink -C /; done; ldconfig',
      );
    }
    await seal.server.sh('mkdir -p /root/.ssh; ssh-keygen -q -t ed25519 -N "" -f /root/.ssh/id_ed25519');
    const key = await seal.server.readFile('/root/.ssh/id_ed25519.pub');
    for (const name of names) {
      await seal.host(name).writeFile('/root/.ssh/authorized_keys', key, { mode: 0o600 });
      await seal
        .host(name)
        .sh(
          'id sshd >/dev/null 2>&1 || useradd --system --home-dir /run/sshd --shell /usr/sbin/nologin sshd; mkdir -p /run/sshd; ssh-keygen -A >/dev/null; chmod 700 /root/.ssh; /usr/sbin/sshd -f /dev/null',
        );
    }
    const options = '-o StrictHostKeyChecking=no -o ControlMaster=auto -o ControlPath=/run/ssh-%h -o ControlPersist=yes';
    for (const name of names) await seal.server.sh(`ssh ${options} ${seal.host(name).ip} true </dev/null >/dev/null 2>&1`);
    return true;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The shell text that runs `command` on all hosts at once over the warm masters. */
export function sshToAll(seal: SealLab, names: readonly string[], command: string): string {
  const each = names.map((name) => `ssh -S /run/ssh-${seal.host(name).ip} ${seal.host(name).ip} ${command} </dev/null &`);
  return `${each.join(' ')} wait`;
}
