import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BootstrapToken } from '@seal/pki';
import { createKeyPair, type KeyPair, makeCsr } from '@seal/pki';
import { type Enrolled, type EnrolOptions, enrol } from '../../agent/src/enrol/enrol.ts';
import { httpsText } from '../../agent/src/enrol/https-request.ts';
import type { EnrolReply, EnrolRequest } from '../../server/src/identity/enrolment.ts';
import { type AttackedServer, MovableClock } from './attacked-server.ts';

/** A host with a state folder and a machine id of its own, that enrols with the agent's real code. */
export class JoiningHost {
  readonly name: string;
  readonly stateDirectory: string;
  readonly machineId: string;
  readonly clock = new MovableClock();

  constructor(name: string, machineId = randomBytes(16).toString('hex')) {
    this.name = name;
    this.machineId = machineId;
    this.stateDirectory = mkdtempSync(join(tmpdir(), `seal-host-${name}-`));
  }

  enrol(token: BootstrapToken, options: Partial<EnrolOptions> = {}): Promise<Enrolled> {
    const { stateDirectory, machineId, clock, name: nodeName } = this;
    return enrol({ token, stateDirectory, machineId, clock, nodeName, agentVersion: 'test', retries: 0, ...options });
  }

  [Symbol.dispose](): void {
    rmSync(this.stateDirectory, { recursive: true });
  }
}

/** An enrolment request written by hand. */
export async function enrolRequestOf(
  token: BootstrapToken,
  changes: Partial<EnrolRequest> = {},
  key?: KeyPair,
): Promise<EnrolRequest> {
  const { privateKey, spkiSha256 } = key ?? (await createKeyPair());
  return {
    requestId: `sha256:${spkiSha256}`,
    tokenId: token.id,
    secret: token.secret,
    csr: await makeCsr(privateKey, 'h1'),
    hostname: 'h1',
    machineId: '',
    ...changes,
  };
}

/** Sends one as it is. */
export async function postEnrol(server: AttackedServer, body: unknown): Promise<EnrolReply> {
  const text = await httpsText({ server: server.address, path: '/v1/enrol', body, ca: server.identity.caPem });
  return JSON.parse(text) as EnrolReply;
}
