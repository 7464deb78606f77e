import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, sha256Digest, systemClock, systemRandom } from '@seal/foundation';
import { type BootstrapToken, parseBootstrapToken } from '@seal/pki';
import { createHttpHandler, type HttpHandlerOptions } from '../../server/src/http/create-http-handler.ts';
import { readInstallScript } from '../../server/src/http/read-install-script.ts';
import { httpsOptions } from '../../server/src/http/tls-options.ts';
import { Audit } from '../../server/src/identity/audit.ts';
import { makeAuthenticate } from '../../server/src/identity/authenticate.ts';
import { EnrolledNodes } from '../../server/src/identity/enrolled-nodes.ts';
import { Enrolment } from '../../server/src/identity/enrolment.ts';
import type { IdentityStore } from '../../server/src/identity/identity-store.ts';
import { operatorCertificates } from '../../server/src/identity/operator-certificates.ts';
import { ServerIdentity } from '../../server/src/identity/server-identity.ts';
import { Tokens, type WantedToken } from '../../server/src/identity/tokens.ts';
import { sqliteIdentityStore } from '../../server/src/store/identity-sqlite.ts';
import { openDatabase } from '../../server/src/store/sqlite.ts';

/** The real clock, moved by hand. */
export class MovableClock implements Clock {
  offsetMilliseconds = 0;
  now = (): number => Date.now() + this.offsetMilliseconds;
  setTimer: Clock['setTimer'] = (milliseconds, callback) => systemClock.setTimer(milliseconds, callback);
}

/** Identity and HTTPS of a real server, on loopback, with its state in a folder of its own. */
export interface AttackedServer {
  readonly folder: string;
  /** host:port. */
  readonly address: string;
  readonly port: number;
  readonly identity: ServerIdentity;
  readonly store: IdentityStore;
  readonly nodes: EnrolledNodes;
  readonly enrolment: Enrolment;
  readonly tokens: Tokens;
  readonly audit: Audit;
  readonly clock: MovableClock;
  readonly issueOperator: ReturnType<typeof operatorCertificates>;
  /** Digests that nodes may fetch: "nodeId sha256:…". */
  readonly mayFetch: Set<string>;
  readonly clusterOf: Map<string, string>;
  readonly agentsDirectory: string;
  token(wanted?: WantedToken): Promise<{ readonly value: string; readonly token: BootstrapToken }>;
  putBlob(data: Uint8Array): string;
}

/** Starts one, and takes it away after `work`. */
export async function withAttackedServer(
  work: (server: AttackedServer) => Promise<void>,
  overrides: Partial<HttpHandlerOptions> = {},
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'seal-attack-'));
  const clock = new MovableClock();
  const database = openDatabase(join(folder, 'state.db'));
  const store = sqliteIdentityStore(database);
  const identity = await ServerIdentity.open({ pkiDirectory: join(folder, 'pki'), addresses: [], clock, random: systemRandom });
  const https = createServer(httpsOptions(identity));
  try {
    const port = await listen(https);
    const address = `127.0.0.1:${port}`;
    const { authority } = identity;
    const nodes = await EnrolledNodes.load(store, clock);
    const clusters = new Map<string, string>();
    const clusterOf = (nodeId: string) => clusters.get(nodeId);
    const enrolment = new Enrolment({ store, nodes, authority, clock, random: systemRandom, grpcPort: 7443, clusterOf });
    const tokens = new Tokens({ store, clock, random: systemRandom, pin: authority.pin, server: address });
    const mayFetch = new Set<string>();
    const blobs = blobFolder(join(folder, 'blobs'));
    const agentsDirectory = join(folder, 'agents');
    const handler = createHttpHandler({
      ...{ clock, blobs, enrolment, agentsDirectory, server: address },
      authenticate: makeAuthenticate({ authority, nodes, clock }),
      logger: { info: () => undefined, error: (fields) => console.error(fields) },
      mayFetch: (nodeId, digest) => mayFetch.has(`${nodeId} ${digest}`),
      caPem: identity.caPem,
      installScript: readInstallScript(),
      ...overrides,
    });
    https.on('request', handler.tls);
    await work({
      ...{
        folder,
        address,
        port,
        identity,
        store,
        nodes,
        enrolment,
        tokens,
        clock,
        mayFetch,
        clusterOf: clusters,
        agentsDirectory,
      },
      audit: new Audit(store, clock),
      issueOperator: operatorCertificates({ authority, store, clock }),
      async token(wanted = {}) {
        const { value } = await tokens.create(wanted, 'ann');
        return { value, token: parseBootstrapToken(value) };
      },
      putBlob: (data) => {
        const digest = sha256Digest(data);
        writeFileSync(blobs.path(digest), data);
        return digest;
      },
    });
  } finally {
    https.closeAllConnections();
    https.close();
    database.close();
    rmSync(folder, { recursive: true });
  }
}

/** Listens on a free port of 127.0.0.1. */
export function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

function blobFolder(folder: string): HttpHandlerOptions['blobs'] {
  mkdirSync(folder);
  const path = (digest: string) => join(folder, digest);
  return {
    path,
    temporaryFolder: join(folder, 'tmp'),
    has: async (digest) => existsSync(path(digest)),
    adopt: async (digest, temporaryFile) => renameSync(temporaryFile, path(digest)),
  };
}
