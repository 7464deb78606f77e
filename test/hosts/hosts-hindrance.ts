import { readdirSync } from 'node:fs';
import { Lab } from './lab.ts';
import { removeLab } from './remove-lab.ts';

const tools = ['systemd-nspawn', 'mmdebstrap', 'ip', 'tc', 'nsenter', 'setpriv', 'nft', 'mount', 'umount'];

/**
 * Why this machine cannot host real systemd hosts, in one sentence, or undefined when it can. The last word has a probe host that
 * is booted and removed again (about 2 s; the base tree is built before, if there is none yet).
 */
export async function hostsHindrance(options: { onProgress?: (line: string) => void } = {}): Promise<string | undefined> {
  if (process.platform !== 'linux') return `this is ${process.platform}, lab hosts need Linux`;
  if (process.getuid?.() !== 0) return `lab hosts need root, this process has user id ${process.getuid?.()}`;
  const missing = tools.filter((tool) => !isInstalled(tool));
  if (missing.length > 0) return `these programs are missing: ${missing.join(', ')} (npm test installs them where apt works)`;
  const name = `test-probe-${process.pid}`;
  try {
    const lab = await Lab.create({ name, hosts: [{ name: 'probe' }], onProgress: options.onProgress });
    await lab.down();
    return undefined;
  } catch (error) {
    await removeLab(name);
    return `a probe host does not boot: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function isInstalled(tool: string): boolean {
  return ['/usr/sbin', '/usr/bin', '/sbin', '/bin'].some((directory) => readdirSync(directory).includes(tool));
}
