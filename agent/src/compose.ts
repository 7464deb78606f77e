import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock, systemRandom } from '@seal/foundation';
import type { Logger } from 'pino';
import { agentVersion } from './agent-version.ts';
import type { AgentConfig } from './config.ts';
import { readEnrolledServer } from './enrol/enrolled-server.ts';
import { serverBlobSource } from './host/blob-source.ts';
import { bootId } from './host/boot-id.ts';
import { clusterImageRootfs } from './host/cluster-image-rootfs.ts';
import { keepTidy } from './host/keep-tidy.ts';
import { LayerStore } from './host/layer-store.ts';
import { takeNodeFacts } from './host/linux-host.ts';
import { linuxProcesses } from './host/linux-process.ts';
import { MountRecord } from './host/mount-record.ts';
import { RootfsMounts } from './host/rootfs-mounts.ts';
import { runProbe } from './host/run-probe.ts';
import { openStatusSocket } from './host/status-socket.ts';
import { FileSpool } from './runner/file-spool.ts';
import { Journal } from './runner/journal.ts';
import { openJournalFile } from './runner/linux-journal-file.ts';
import { Outbox } from './runner/outbox.ts';
import { restoreOutbox } from './runner/restore-outbox.ts';
import { defaultRunnerLimits, type StepReports } from './runner/runner-ports.ts';
import { StepRunner } from './runner/step-runner.ts';
import { AgentProtocol } from './session/agent-protocol.ts';
import { grpcTransport } from './session/grpc-transport.ts';
import { IdentityHolder, type Renewals } from './session/identity-holder.ts';
import { keepConnected, type Session } from './session/keep-connected.ts';
import { keepRenewed } from './session/keep-renewed.ts';
import { type ServerAddresses, serverAddresses } from './session/server-addresses.ts';
import { stepHandlers } from './steps/handlers.ts';

const clock = systemClock;
const random = systemRandom;

/**
 * Puts the agent together and starts it; resolves when it works, with the function that stops it (steps' processes go on).
 * Problems: AGENT_NOT_ENROLLED, AGENT_RUNNING, JOURNAL_CORRUPT, JOURNAL_FAILED.
 */
export async function startAgent(config: AgentConfig, log: Logger): Promise<() => Promise<void>> {
  const { stateDirectory, server: host, grpcPort, httpsPort } = config;
  const addresses = serverAddresses({ host, grpcPort, httpsPort }, readEnrolledServer(stateDirectory));
  const identity = new IdentityHolder(join(stateDirectory, 'identity'), renewalsWith(addresses), clock);
  await mkdir(stateDirectory, { recursive: true, mode: 0o700 });
  const link: { session?: Session } = {};
  const closeStatus = await openStatusSocket(join(stateDirectory, 'agent.sock'), () => ({
    version: agentVersion,
    pid: process.pid,
    nodeId: identity.nodeId,
    server: addresses.grpc,
    connected: link.session?.connected ?? false,
  }));

  const node = composeHost(config, addresses.https, identity);
  const work = await composeWork(config, node, log);
  // What a reboot or a kill left is put in order before the server hears of this node.
  await node.layers.removeLeftovers();
  await node.mounts.restore(log);
  await work.runner.recover();
  await restoreOutbox({ ...work, now: clock.now() });

  const stop = new AbortController();
  const transport = grpcTransport(addresses.grpc, () => identity.current);
  const session = keepConnected({ transport, protocol: work.protocol, clock, random, log }, stop.signal);
  link.session = session;
  const renew = async () => {
    await identity.renew();
    session.reconnect();
  };
  void keepRenewed({ identity: () => identity.current, renew, clock, random, log }, stop.signal);
  void keepTidy({ layers: node.layers, clock, log }, stop.signal);
  log.info({ version: agentVersion, nodeId: identity.nodeId, server: addresses.grpc }, 'agent started');
  return async () => {
    stop.abort();
    work.runner.stop();
    work.outbox.stop();
    await closeStatus();
    await work.journal.close();
    log.info({}, 'agent stopped; processes of steps go on');
  };
}

/** Loaded twice a day: the libraries behind certificate requests are large. */
function renewalsWith({ grpc, https }: ServerAddresses): Renewals {
  return {
    renew: async (identity) => (await import('./session/renew-certificate.ts')).renewCertificate(grpc, identity),
    renewExpired: async (identity) => (await import('./enrol/renew-expired.ts')).renewExpired(https, identity),
  };
}

interface Host {
  readonly layers: LayerStore;
  readonly mounts: RootfsMounts;
}

function composeHost({ stateDirectory, keepUnusedLayersDays }: AgentConfig, httpsServer: string, identity: IdentityHolder): Host {
  const source = serverBlobSource(httpsServer, () => identity.current);
  const rootfs = clusterImageRootfs;
  const record = new MountRecord(join(stateDirectory, 'mounts.json'));
  const layers = new LayerStore({
    ...{ stateDirectory, source, clock, unpackLayer: rootfs.unpackLayer },
    mounted: async () => Object.values(await record.read()).flatMap((mounted) => mounted.layers),
    keepUnusedMs: keepUnusedLayersDays * 24 * 3600_000,
  });
  return { layers, mounts: new RootfsMounts({ rootfs, layers, record, stateDirectory: join(stateDirectory, 'rootfs') }) };
}

async function composeWork(config: AgentConfig, { layers, mounts }: Host, log: Logger) {
  const { stateDirectory, runDirectory, dataRoot, hostsFile, concurrentSteps, cancelGraceSeconds } = config;
  const spoolRoot = join(stateDirectory, 'spool');
  const spool = new FileSpool(spoolRoot);
  const journal = await Journal.open(await openJournalFile(join(stateDirectory, 'journal', 'log')), clock);
  const outbox = new Outbox(spool, clock, log);
  const late: { protocol?: AgentProtocol } = {};
  const reports: StepReports = {
    accepted: (key) => late.protocol?.accepted(key),
    started: (key) => late.protocol?.started(key),
    finished: (key, finished) => late.protocol?.finished(key, finished),
  };
  const processes = linuxProcesses({ spoolRoot, runDirectory });
  const handlers = stepHandlers({ clock, layers, mounts, hostsFile, ownDirectories: [stateDirectory, '/etc/seal'] });
  const runner = new StepRunner(
    { journal, spool, clock, log, reports, runProbe, bootId: bootId(), processes, handlers },
    { ...defaultRunnerLimits, concurrentSteps, cancelGraceSeconds },
  );
  const takeFacts = () => takeNodeFacts({ dataRoot, agentVersion, now: clock.now() });
  const protocol = new AgentProtocol({ runner, outbox, clock, log, version: agentVersion, bootId: bootId(), takeFacts });
  late.protocol = protocol;
  return { journal, spool, outbox, runner, protocol };
}
