import { basename } from 'node:path';
import type { CommandOptions, Host } from '../hosts/index.ts';

/** Where the folder of the server's archive is bound in the host that becomes the server. */
export const distMount = '/root/dist';

/** Installs the server on a host from its archive, as a user would: unpack, run install-server.sh. */
export async function installServer(host: Host, serverArchive: string, options: CommandOptions = {}): Promise<void> {
  await host.sh(
    `mkdir -p /root/seal && tar -xzf ${distMount}/${basename(serverArchive)} -C /root/seal
     /root/seal/systemd/install-server.sh --address ${host.ip}`,
    { timeoutSeconds: 180, ...options },
  );
}
