import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Problem } from '@seal/foundation';
import type { Context, ServerTarget } from './context.ts';
import { type ContextStore, localContextName } from './context-store.ts';

export const grpcPort = 7443;
export const httpsPort = 7444;
export const localSocket = '/run/seal/server.sock';

export interface TargetChoice {
  /** `--server`: `HOST[:PORT]`, or `unix:PATH` for a server's local socket. */
  readonly server?: string | undefined;
  /** `--context`, else the environment's SEAL_CONTEXT; "local" means this machine's server. */
  readonly context?: string | undefined;
  readonly store: ContextStore;
  /** Default `localSocket`. */
  readonly socket?: string;
  /** Where an installed server has its unit. */
  readonly serverUnit?: string;
}

/**
 * The server that is meant, first hit: `server` (with the credentials of the context), the named context, the current context,
 * the local socket where one is. Problems: SERVER_NOT_CHOSEN when nothing says which; CONTEXT_NOT_FOUND, CONTEXT_INVALID.
 */
export async function chooseTarget(choice: TargetChoice): Promise<ServerTarget> {
  const socket = choice.socket ?? localSocket;
  if (choice.server?.startsWith('unix:')) return localTarget(choice.server.replace(/^unix:(\/\/)?/, ''));
  const name = choice.context ?? (await choice.store.current());
  if (choice.server) {
    const context = name !== undefined && name !== localContextName ? await choice.store.read(name) : undefined;
    return withServer(choice.server, context);
  }
  if (name === localContextName) return localTarget(socket);
  if (name !== undefined) return remoteTarget(await choice.store.read(name));
  if (existsSync(socket)) return localTarget(socket);
  if (existsSync(choice.serverUnit ?? '/etc/systemd/system/seal-server.service'))
    throw new Problem('SERVER_NOT_CHOSEN', `seal-server is installed on this machine, but does not run (no socket ${socket})`, {
      remedy: 'Start it: "systemctl start seal-server". If it does not stay up: "journalctl -u seal-server".',
    });
  throw new Problem('SERVER_NOT_CHOSEN', `no context is set, and no server runs on this machine (no socket ${socket})`);
}

function localTarget(grpcSocket: string): ServerTarget {
  return { kind: 'local', grpcSocket, httpSocket: join(dirname(grpcSocket), 'http.sock') };
}

function remoteTarget({ name, grpcAddress, httpsAddress, credentials }: Context): ServerTarget {
  return { kind: 'remote', context: name, grpcAddress, httpsAddress, credentials };
}

/** Another address for a context's credentials. The HTTPS port is the one after the gRPC port, as it is by default. */
function withServer(server: string, context: Context | undefined): ServerTarget {
  const match = /^(\[[0-9a-fA-F:]+\]|[^\s:/[\]]+)(?::(\d{1,5}))?$/.exec(server);
  const port = match?.[2] === undefined ? grpcPort : Number(match[2]);
  if (!match || port < 1 || port > 65534)
    throw new Problem('USAGE', `"${server}" is not the address of a server`, {
      remedy: 'Write --server HOST, --server HOST:PORT (the gRPC port, by default 7443) or --server unix:/run/seal/server.sock.',
    });
  if (!context)
    throw new Problem('SERVER_NOT_CHOSEN', `there is no context whose certificate could be shown to the server ${server}`);
  const httpsPortThere = match[2] === undefined ? httpsPort : port + 1;
  return {
    ...remoteTarget(context),
    grpcAddress: `${match[1]}:${port}`,
    httpsAddress: `${match[1]}:${httpsPortThere}`,
  } as ServerTarget;
}
