import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import type { ListenOptions } from 'node:net';
import { join } from 'node:path';
import { ServerCredentials } from '@grpc/grpc-js';
import { Problem, systemClock } from '@seal/foundation';
import { bindGrpc, makeGrpcServer } from './api/grpc-server.ts';
import { ReloadableCredentials } from './api/reloadable-credentials.ts';
import type { Core } from './compose.ts';
import { composeServices } from './compose-services.ts';
import { createHttpHandler } from './http/create-http-handler.ts';
import { readInstallScript } from './http/read-install-script.ts';
import { httpLimits, httpsOptions, secureContextOf } from './http/tls-options.ts';
import { Audit } from './identity/audit.ts';
import { auditedGuard } from './identity/audited-guard.ts';
import { localGuard, makeAuthenticate, tlsGuard } from './identity/authenticate.ts';
import { mayFetchBlob } from './image/fetchable-blobs.ts';
import { notifyReady } from './notify-ready.ts';

/** Ends every endpoint and session; operations stay as they are written and go on in the next life. */
export type StopServer = () => Promise<void>;

/**
 * Recovers what the last life left, then listens: gRPC and HTTPS on their ports, both again on unix sockets for local admins (mode 0600).
 * Problems: PORT_IN_USE, STORE_FAILED.
 */
export async function runServer(core: Core): Promise<StopServer> {
  const { config, identity, logger } = core;
  await core.records.reload();
  await core.sessions.recover();
  const unfinished = await core.log.recover();

  const authenticate = makeAuthenticate({ authority: identity.authority, nodes: core.nodes, clock: systemClock });
  const credentials = new ReloadableCredentials(identity);
  const audit = new Audit(core.identityStore, systemClock);
  const onAuditFailed = (error: unknown) => logger.error({ err: error }, 'a call could not be written to the audit');
  const grpc = makeGrpcServer(
    composeServices(core, auditedGuard(tlsGuard(authenticate), audit, onAuditFailed)),
    config.heartbeatSeconds,
  );
  const localGrpc = makeGrpcServer(
    composeServices(core, auditedGuard(localGuard, audit, onAuditFailed)),
    config.heartbeatSeconds,
  );
  const handler = composeHttp(core, authenticate);
  const https = createHttpsServer(httpsOptions(identity), handler.tls);
  const localHttp = createHttpServer(httpLimits, handler.local);

  await bindGrpc(grpc, `[::]:${config.grpcPort}`, credentials);
  await listen(https, { port: config.httpsPort, host: '::', ipv6Only: false });
  await listenLocally(config.runDirectory, localGrpc, localHttp);
  const stopRenewing = identity.keepRenewed(
    () => {
      credentials.reload(identity);
      https.setSecureContext(secureContextOf(identity));
      logger.info({ expiresAt: identity.expiresAt }, 'server certificate renewed');
    },
    (error) => logger.error({ err: error }, 'the server certificate could not be renewed'),
  );
  for (const { operation } of unfinished) core.executor.start(operation.id);
  logger.info(
    { grpc: core.grpcAddress, https: core.httpsAddress, version: core.version, epoch: core.epoch, resumed: unfinished.length },
    'serving',
  );
  notifyReady(process.env).catch((error: unknown) =>
    logger.error({ err: error }, 'systemd does not know that the server answers'),
  );
  return async () => {
    stopRenewing();
    await core.executor.stop();
    core.sessions.closeAll(new Problem('SERVER_UNREACHABLE', 'the server is stopping'));
    for (const server of [grpc, localGrpc]) server.forceShutdown();
    for (const server of [https, localHttp]) {
      server.close();
      server.closeAllConnections();
    }
    await core.store.close();
    core.unlock();
  };
}

function composeHttp(core: Core, authenticate: ReturnType<typeof makeAuthenticate>) {
  const { images, config, identity, logger, enrolment, httpsAddress } = core;
  return createHttpHandler({
    ...{ authenticate, clock: systemClock, logger, enrolment },
    caPem: identity.caPem,
    server: httpsAddress,
    installScript: readInstallScript(),
    agentsDirectory: config.agentsDirectory,
    mayFetch: (nodeId, digest) => mayFetchBlob(core.log, nodeId, digest),
    blobs: {
      path: (digest) => images.blobPath(digest),
      has: (digest) => images.hasBlob(digest),
      adopt: async (digest, temporaryFile) => void (await images.adoptBlob(temporaryFile, digest)),
      temporaryFolder: join(images.directory, 'tmp'),
    },
  });
}

/** The sockets are made afresh: one that a killed server left behind accepts nobody. */
async function listenLocally(directory: string, grpc: ReturnType<typeof makeGrpcServer>, http: HttpServer): Promise<void> {
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  const path = { grpc: join(directory, 'server.sock'), http: join(directory, 'http.sock') };
  for (const socket of Object.values(path)) rmSync(socket, { force: true });
  // Whoever can open a socket is admin: it must never exist with a wider mode, not even for a moment.
  const umask = process.umask(0o177);
  try {
    await bindGrpc(grpc, `unix://${path.grpc}`, ServerCredentials.createInsecure());
    await listen(http, { path: path.http });
  } finally {
    process.umask(umask);
  }
  for (const socket of Object.values(path)) chmodSync(socket, 0o600);
}

function listen(server: HttpServer | HttpsServer, where: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const place = where.path ?? `port ${where.port}`;
      reject(new Problem('PORT_IN_USE', `cannot listen on ${place}: ${error.message}`, { cause: error }));
    });
    server.listen(where, () => resolve());
  });
}
