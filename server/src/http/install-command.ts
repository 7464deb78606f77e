export interface InstallCommandOptions {
  /** host:port of the HTTPS endpoint. */
  readonly server: string;
  /** SHA-256 of the server's SubjectPublicKeyInfo, base64. */
  readonly serverSpkiPin: string;
  readonly token: string;
}

/**
 * The line to paste as root on a host that is to run an agent. curl takes the script only from the holder of the pinned key. The token
 * goes in through the environment, which other users of the host cannot read as they can read arguments.
 */
export function installCommand(options: InstallCommandOptions): string {
  const { server, serverSpkiPin, token } = options;
  return `curl -fsSLk --pinnedpubkey 'sha256//${serverSpkiPin}' https://${server}/install.sh | SEAL_TOKEN=${token} sh`;
}
