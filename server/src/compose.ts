import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type ImageStore, openStore, readImageTexts } from '@seal/cluster-image';
import { Problem, systemClock, systemRandom } from '@seal/foundation';
import { openSecretBox } from '@seal/pki';
import type { Logger } from 'pino';
import type { ServerConfig } from './config.ts';
import { installCommand } from './http/install-command.ts';
import { EnrolledNodes } from './identity/enrolled-nodes.ts';
import { Enrolment } from './identity/enrolment.ts';
import type { IdentityStore } from './identity/identity-store.ts';
import { ServerIdentity } from './identity/server-identity.ts';
import { Tokens } from './identity/tokens.ts';
import { factsForHosts } from './image/facts-for-hosts.ts';
import { ServerPulls } from './image/server-pulls.ts';
import { ClusterRecords } from './operation/cluster-records.ts';
import type { FactSources } from './operation/gather-facts.ts';
import { OperationLog } from './operation/operation-log.ts';
import { SavedPlans } from './operation/saved-plans.ts';
import { OperationStarter } from './operation/start-operation.ts';
import { Executor } from './scheduler/executor.ts';
import { makeMaterial } from './secrets/make-material.ts';
import { Material } from './secrets/material.ts';
import { Sessions } from './session/sessions.ts';
import { sqliteIdentityStore } from './store/identity-sqlite.ts';
import { lockStateDirectory } from './store/lock-state-directory.ts';
import { pruneOutputs } from './store/prune-outputs.ts';
import { sqliteSavedPlans } from './store/saved-plans-sqlite.ts';
import { openDatabase, SqliteStore } from './store/sqlite.ts';

const outputWindowBytes = 1024 * 1024;
/** Blobs that were sent but never named are kept this long, so that an interrupted push need not begin again. */
const orphanGraceSeconds = 24 * 3600;

/** Everything of a server that is not an endpoint. */
export interface Core {
  readonly config: ServerConfig;
  readonly logger: Logger;
  readonly version: string;
  readonly startedAt: number;
  readonly epoch: number;
  readonly store: SqliteStore;
  readonly images: ImageStore;
  readonly pulls: ServerPulls;
  readonly identityStore: IdentityStore;
  readonly identity: ServerIdentity;
  readonly nodes: EnrolledNodes;
  readonly enrolment: Enrolment;
  readonly tokens: Tokens;
  readonly log: OperationLog;
  readonly records: ClusterRecords;
  readonly sessions: Sessions;
  readonly executor: Executor;
  readonly starter: OperationStarter;
  readonly savedPlans: SavedPlans;
  /** Lets another server have the state directory. */
  readonly unlock: () => void;
  readonly material: Material;
  readonly sources: FactSources;
  readonly grpcAddress: string;
  readonly httpsAddress: string;
  /** The install line for a token's value. */
  readonly installLine: (token: string) => string;
}

/** Wires the server's parts; nothing runs and nothing listens yet. Problems: STATE_LOCKED, PKI_DAMAGED, SECRET_KEY_INVALID, IMAGE_STORE_DAMAGED, STORE_FAILED. */
export async function composeCore(config: ServerConfig, logger: Logger, version: string): Promise<Core> {
  const ports = { clock: systemClock, random: systemRandom };
  const path = (name: string) => join(config.stateDirectory, name);
  const unlock = lockStateDirectory(config.stateDirectory);
  // The key before the store: a first start that is cut between the two must not leave a store that no key opens.
  const box = openSecretBox(path('secret.key'), { mayCreate: !existsSync(path('state.db')) });
  const database = openDatabase(path('state.db'));
  const store = new SqliteStore(database);
  const pruned = pruneOutputs(database, {
    operations: config.outputOperations,
    since: ports.clock.now() - config.outputDays * 24 * 3600 * 1000,
  });
  if (pruned > 0) logger.info({ operations: pruned }, 'the output of old operations was removed');
  const identityStore = sqliteIdentityStore(database);
  const images = await openStore(path('images'), { orphanGraceSeconds });
  const identity = await ServerIdentity.open({ ...ports, pkiDirectory: path('pki'), addresses: [config.address] });
  const material = new Material(store, box, makeMaterial);
  // Agents refuse a lower epoch than they have seen, and a store from a backup remembers too low a one.
  const epoch = await store.nextEpoch(Math.floor(ports.clock.now() / 1000));

  const records = new ClusterRecords(store, ports.clock);
  const onWriteFailure = () => records.reload();
  const log = new OperationLog({ store, clock: ports.clock, onWriteFailure });
  const sessions = new Sessions({
    ...{ store, log, records, clock: ports.clock, logger, epoch, outputWindowBytes },
    serverVersion: version,
    heartbeatSeconds: config.heartbeatSeconds,
    resolveSecret: (ref) => material.resolve(ref),
  });
  const onProblem = (operation: string, error: unknown) => logger.error({ operation, err: error }, 'an operation cannot go on');
  const graceSeconds = config.agentGraceSeconds;
  const executor = new Executor({ log, sender: sessions, clock: ports.clock, graceSeconds, epoch, onProblem });
  const starter = new OperationStarter({ ...ports, log, records, executor });

  const nodes = await EnrolledNodes.load(identityStore, ports.clock);
  nodes.onDenied((nodeId) => sessions.cut(nodeId, new Problem('NODE_REMOVED', 'the enrolment of this node was taken away')));
  const httpsAddress = hostAndPort(config.address, config.httpsPort);
  const grpcAddress = hostAndPort(config.address, config.grpcPort);
  const clusterOf = (nodeId: string) => records.clusterOf(nodeId)?.name;
  const { authority } = identity;
  const enrolment = new Enrolment({ ...ports, store: identityStore, nodes, authority, grpcPort: config.grpcPort, clusterOf });
  const tokens = new Tokens({ ...ports, store: identityStore, pin: authority.pin, server: httpsAddress });
  const installLine = (token: string) => installCommand({ server: httpsAddress, serverSpkiPin: identity.serverSpkiPin, token });
  const sources: FactSources = {
    nodes: () => nodes.list().map((node) => ({ ...node, certificateExpiresAt: node.certificateExpiresAt })),
    sessions,
    records,
    log,
    image: (name, ips) => {
      const facts = nodes.list().map(({ id }) => sessions.factsOf(id)?.facts);
      const hosts = facts.filter((seen) => seen?.addresses.some((address) => ips.includes(address)));
      return factsForHosts(
        images,
        name,
        hosts.flatMap((seen) => seen?.arch ?? []),
      );
    },
    imageTexts: (digest, paths) => readImageTexts(images, digest, paths),
    material: (specs, keep) => material.ensure(specs, keep),
    textRefs: (cluster, texts, options) => material.textRefs(cluster, texts, options),
    text: async (ref) => Buffer.from(await material.resolve(ref)).toString(),
    now: () => ports.clock.now(),
    installHint: () => installLine('<TOKEN>'),
  };
  return {
    ...{
      config,
      logger,
      version,
      epoch,
      store,
      images,
      identityStore,
      identity,
      nodes,
      enrolment,
      tokens,
      log,
      records,
      sessions,
    },
    ...{ pulls: new ServerPulls(images), savedPlans: new SavedPlans(sqliteSavedPlans(database), ports.clock), unlock },
    ...{ executor, starter, material, sources, grpcAddress, httpsAddress, installLine, startedAt: ports.clock.now() },
  };
}

function hostAndPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
