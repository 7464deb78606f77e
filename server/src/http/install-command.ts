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
 * When curl takes nothing, the line says so and ends with exit code 7 instead of an empty script's success.
 */
export function installCommand(options: InstallCommandOptions): string {
  const { server, serverSpkiPin, token } = options;
  const fetch = `curl -fsSLk --pinnedpubkey 'sha256//${serverSpkiPin}' https://${server}/install.sh`;
  const excuse = `seal: no install script came from ${server}, so nothing was installed; curl says why above. Check that address, and that seal-server runs there; a public key that does not match is that of another server.`;
  return `{ ${fetch} || echo 'echo "${excuse}" >&2; exit 7'; } | SEAL_TOKEN=${token} sh`;
}
