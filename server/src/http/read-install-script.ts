import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Text of systemd/install-agent.sh: beside the bundle in an installed server, at the top of the tree when run from sources. */
export function readInstallScript(): string {
  const beside = fileURLToPath(new URL('./systemd/install-agent.sh', import.meta.url));
  const inTree = fileURLToPath(new URL('../../../systemd/install-agent.sh', import.meta.url));
  return readFileSync(existsSync(beside) ? beside : inTree, 'utf8');
}
