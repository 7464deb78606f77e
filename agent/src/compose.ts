import { mkdir } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { unpackLayer } from '@seal/cluster-image';
import { Problem, systemClock, systemRandom } from '@seal/foundation';
import { parseCertificate } from '@seal/pki';
import type { Logger } from 'pino';
import { agentVersion } from './agent-version.ts';
import type { AgentConfig } from './config.ts';
import { serverBlobSource } from './host/blob-source.ts';
import { bootId } from './host/boot-id.ts';
import { clusterImageRootfs } from './host/cluster-image-rootfs.ts';
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
import { defaultRunnerLimits, type RunnerLimits, type StepReports } from './runner/runner-ports.ts';
import { StepRunner } from './runner/step-runner.ts';
import { AgentProtocol } from './session/agent-protocol.ts';
import { grpcTransport } from './session/grpc-transport.ts';
import { readIdentity, writeRenewed } from './session/identity.ts';
import { keepConnected, type Session } from './session/keep-connected.ts';
import { keepRenewed } from './session/keep-renewed.ts';
import { renewCertificate } from './session/renew-certificate.ts';
import { stepHandlers } from './steps/handlers.ts';

const clock = systemClock;
const random = systemRandom;

/**
 * Puts the agent together and starts it; resolves when it works, with the function that stops it (steps' processes go on).
 * Problems: AGENT_NOT_ENROLLED, AGENT_CONFIG_INVALID, AGENT_RUNNING, JOURNAL_CORRUPT, JOURNAL_FAILED.
 */
export async function startAgent(config: AgentConfig, log: Logger): Promise<() => Promise<void>> {
  const identityDirectory = join(config.stateDirectory, 'identity');
  let identity = readIdentity(identityDirectory);
  const nodeId = parseCertificate(identity.certificatePem).commonName;
  const grpcServer = address(config, config.grpcPort);
  await mkdir(config.stateDirectory, { recursive: true, mode: 0o700 });

  let session: Session | undefined;
  const status = () => ({
    version: agentVersion,
    pid: process.pid,
    nodeId,
    server: grpcServer,
    connected: session?.connected ?? false,
  });
  const closeStatus = await openStatusSocket(join(config.stateDirectory, 'agent.sock'), status);

  const spoolRoot = join(config.stateDirectory, 'spool');
  const spool = new FileSpool(spoolRoot);
  const journal = await Journal.open(await openJournalFile(join(config.stateDirectory, 'journal', 'log')), clock);
  const outbox = new Outbox(spool, clock, log);
  const source = serverBlobSource(address(config, config.httpsPort), () => identity);
  const layers = new LayerStore({ stateDirectory: config.stateDirectory, source, unpackLayer });
  const mounts = new RootfsMounts({
    rootfs: clusterImageRootfs,
    layers,
    record: new MountRecord(join(config.stateDirectory, 'mounts.json')),
    stateDirectory: join(config.stateDirectory, 'rootfs'),
  });
  const { hostsFile, stateDirectory, dataRoot, runDirectory } = config;
  let protocol: AgentProtocol | undefined;
  const reports: StepReports = {
    accepted: (key) => protocol?.accepted(key),
    started: (key) => protocol?.started(key),
    finished: (key, finished) => protocol?.finished(key, finished),
  };
  const runner = new StepRunner(
    {
      journal,
      spool,
      clock,
      log,
      reports,
      runProbe,
      bootId: bootId(),
      processes: linuxProcesses({ spoolRoot, runDirectory }),
      handlers: stepHandlers({ clock, layers, mounts, hostsFile, ownDirectories: [stateDirectory, '/etc/seal'] }),
    },
    limits(config),
  );
  protocol = new AgentProtocol({
    runner,
    outbox,
    clock,
    log,
    version: agentVersion,
    bootId: bootId(),
    takeFacts: () => takeNodeFacts({ dataRoot, agentVersion, now: clock.now() }),
  });

  // What a reboot or a kill left is put in order before the server hears of this node.
  await layers.removeLeftovers();
  await mounts.restore(log);
  await runner.recover();
  const running = new Set(
    runner.states().flatMap(({ step, attempt, state }) => (state === 'running' ? [`${step}.${attempt}`] : [])),
  );
  await restoreOutbox({
    journal,
    outbox,
    spool,
    now: clock.now(),
    isRunning: ({ step, attempt }) => running.has(`${step}.${attempt}`),
  });

  const stop = new AbortController();
  const transport = grpcTransport(grpcServer, () => identity);
  session = keepConnected({ transport, protocol, clock, random, log }, stop.signal);
  const renew = async () => {
    const renewed = await renewCertificate(grpcServer, identity);
    writeRenewed(identityDirectory, renewed);
    identity = renewed;
    session?.reconnect();
  };
  void keepRenewed({ identity: () => identity, renew, clock, random, log }, stop.signal);
  log.info({ version: agentVersion, nodeId, server: grpcServer }, 'agent started');

  return async () => {
    stop.abort();
    runner.stop();
    outbox.stop();
    await closeStatus();
    await journal.close();
    log.info({}, 'agent stopped; processes of steps go on');
  };
}

function limits({ concurrentSteps, cancelGraceSeconds }: AgentConfig): RunnerLimits {
  return { ...defaultRunnerLimits, concurrentSteps, cancelGraceSeconds };
}

function address({ server }: AgentConfig, port: number): string {
  if (!server)
    throw new Problem('AGENT_CONFIG_INVALID', 'the address of the server is not known: set "server" in /etc/seal/agent.yaml');
  return isIPv6(server) ? `[${server}]:${port}` : `${server}:${port}`;
}
