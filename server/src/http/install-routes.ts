import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { Problem } from '@seal/foundation';
import { sendFile } from './send-file.ts';

export interface InstallRoutesOptions {
  readonly caPem: string;
  /** host:port of the HTTPS endpoint, as the host reaches it. */
  readonly server: string;
  /** Text of install-agent.sh with its placeholder. */
  readonly installScript: string;
  /** Holds `linux-<arch>.tar.gz` and `linux-<arch>.tar.gz.sha256`. */
  readonly agentsDirectory: string;
}

const archive = /^\/v1\/agent\/(linux-(?:amd64|arm64)\.tar\.gz)(\.sha256)?$/;

/** The install script, the CA and the agents' archives; false when the path is none of these. Problem: AGENT_NOT_SERVED. */
export async function answerInstall(
  options: InstallRoutesOptions,
  pathname: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return false;
  if (pathname === '/v1/ca.pem') return sendText(request, response, 'application/x-pem-file', options.caPem);
  if (pathname === '/install.sh')
    return sendText(request, response, 'text/x-shellscript', fillInstallScript(options.installScript, options.server));
  const [, name, checksum] = archive.exec(pathname) ?? [];
  if (name === undefined) return false;
  await sendArchive(options, name, checksum !== undefined, request, response);
  return true;
}

/** The script with the server's address in it. */
export function fillInstallScript(script: string, server: string): string {
  if (!/^[A-Za-z0-9.:[\]-]+$/.test(server)) throw new Error(`${JSON.stringify(server)} is not host:port`);
  return script.replace('@SERVER@', server);
}

async function sendArchive(
  options: InstallRoutesOptions,
  name: string,
  checksumOnly: boolean,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = join(options.agentsDirectory, name);
  try {
    const checksum = (await readFile(`${path}.sha256`, 'utf8')).trim();
    if (checksumOnly) sendText(request, response, 'text/plain', `${checksum}\n`);
    else await sendFile(request, response, { path, etag: `"sha256:${checksum}"`, contentType: 'application/gzip' });
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    throw missing ? new Problem('AGENT_NOT_SERVED', `the server has no agent archive ${name}`, { cause: error }) : error;
  }
}

function sendText(request: IncomingMessage, response: ServerResponse, contentType: string, text: string): true {
  const body = Buffer.from(text);
  response.writeHead(200, { 'content-type': contentType, 'content-length': body.length, 'cache-control': 'no-store' });
  response.end(request.method === 'HEAD' ? undefined : body);
  return true;
}
