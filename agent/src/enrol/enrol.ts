import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { type Clock, Problem } from '@seal/foundation';
import { type BootstrapToken, type Certificate, type KeyPair, keyDigest, makeCsr, parseCertificate, spkiSha256 } from '@seal/pki';
import pRetry from 'p-retry';
import * as z from 'zod';
import { type EnrolledServer, readEnrolledServer } from './enrolled-server.ts';
import { httpsText } from './https-request.ts';
import { PendingIdentity } from './pending-identity.ts';
import { readPinnedAuthority } from './read-pinned-authority.ts';

export interface EnrolOptions {
  readonly token: BootstrapToken;
  /** host:port of the server's HTTPS endpoint; default: the token's. */
  readonly server?: string;
  readonly stateDirectory: string;
  /** Default: the host's name in small letters. */
  readonly nodeName?: string;
  /** The host was reinstalled, or leaves its server: a new key, and the node of that name is replaced. */
  readonly replace?: boolean;
  readonly agentVersion: string;
  readonly clock: Clock;
  /** Default: /etc/machine-id. */
  readonly machineId?: string;
  /** How often a server that does not answer is asked again; default 4, about 15 s together. */
  readonly retries?: number;
}

export interface Enrolled extends EnrolledServer {
  /** True when the host was enrolled with this server already and nothing was asked. */
  readonly already: boolean;
}

const reply = z.object({
  requestId: z.string(),
  nodeId: z.string(),
  nodeName: z.string(),
  certificate: z.string(),
  grpcPort: z.number(),
});

/**
 * Makes this host a node of the server that the token names. The key is made first and kept over crashes, so running it again goes on with
 * the same request; nothing is trusted but the CA that the token pins. After a refusal nothing of a first try is left.
 * Problems: TOKEN_*, PIN_MISMATCH, SERVER_UNREACHABLE, ALREADY_ENROLLED, NODE_NAME_INVALID, NODE_NAME_TAKEN, NODE_REMOVED, MACHINE_CLONED.
 */
export async function enrol(options: EnrolOptions): Promise<Enrolled> {
  const { token, stateDirectory, replace = false } = options;
  const server = options.server ?? token.server;
  if (!server) throw new Problem('USAGE', 'the token does not name its server', { remedy: 'Add --server HOST:PORT.' });
  const pending = new PendingIdentity(stateDirectory);
  pending.recover();
  const present = replace ? undefined : readPresent(stateDirectory);
  if (present && spkiSha256(present.ca.x509.publicKey, 'base64url') !== token.pin)
    throw new Problem(
      'ALREADY_ENROLLED',
      `this host is the node ${present.server.nodeName} of the server ${present.server.host}`,
    );
  if (present && options.clock.now() < present.certificate.notAfter) return { ...present.server, already: true };

  const resumed = pending.isBegun;
  try {
    const caPem = await pinnedAuthority(options, server);
    const key = await pending.key(present?.keyPem);
    const answer = await ask(options, server, caPem, key);
    const { hostname: host, port } = new URL(`https://${server}`);
    const enrolled: EnrolledServer = {
      host: host.replace(/^\[|\]$/g, ''),
      grpcPort: answer.grpcPort,
      httpsPort: Number(port || 443),
      nodeId: answer.nodeId,
      nodeName: answer.nodeName,
    };
    pending.finish({ caPem, serverJson: `${JSON.stringify(enrolled)}\n`, certificatePem: answer.certificate });
    return { ...enrolled, already: false };
  } catch (error) {
    // Without an answer the server may have admitted this key: it is kept, so that the next try is the same request.
    const answered = error instanceof Problem && error.code !== 'SERVER_UNREACHABLE';
    if (answered && !resumed) pending.forget();
    throw error;
  }
}

function readPresent(stateDirectory: string) {
  const server = readEnrolledServer(stateDirectory);
  if (!server) return undefined;
  const read = (name: string) => readFileSync(join(stateDirectory, 'identity', name), 'utf8');
  return {
    server,
    ca: parseCertificate(read('ca.crt')),
    certificate: parseCertificate(read('node.crt')),
    keyPem: read('node.key'),
  };
}

async function pinnedAuthority(options: EnrolOptions, server: string): Promise<string> {
  const received = await patiently(options, () => httpsText({ server, path: '/v1/ca.pem' }));
  return readPinnedAuthority(received, options.token.pin, server);
}

async function ask(options: EnrolOptions, server: string, ca: string, key: KeyPair): Promise<z.output<typeof reply>> {
  const { token, replace = false, agentVersion } = options;
  const nodeName = (options.nodeName ?? hostname()).toLowerCase();
  const body = {
    requestId: `sha256:${key.spkiSha256}`,
    tokenId: token.id,
    secret: token.secret,
    csr: await makeCsr(key.privateKey, 'seal-agent'),
    hostname: nodeName,
    machineId: options.machineId ?? readMachineId(),
    replace,
    agentVersion,
  };
  const text = await patiently(options, () => httpsText({ server, path: '/v1/enrol', body, ca }));
  const answer = reply.parse(JSON.parse(text));
  check(parseCertificate(answer.certificate), answer.nodeId, ca, key, server);
  return answer;
}

/** What the server gave must be usable: for this key, from the pinned CA, for this node. */
function check(certificate: Certificate, nodeId: string, caPem: string, key: KeyPair, server: string): void {
  const authority = parseCertificate(caPem).x509;
  const ours = keyDigest(certificate.x509.publicKey) === `sha256:${key.spkiSha256}`;
  if (ours && certificate.commonName === nodeId && certificate.x509.verify(authority.publicKey)) return;
  throw new Problem('CERTIFICATE_INVALID', `the certificate that ${server} issued is not for the key of this host`);
}

function patiently<Result>(options: EnrolOptions, work: () => Promise<Result>): Promise<Result> {
  return pRetry(work, {
    retries: options.retries ?? 4,
    minTimeout: 1000,
    factor: 2,
    shouldRetry: ({ error }) =>
      error instanceof Problem && (error.code === 'SERVER_UNREACHABLE' || error.code === 'RATE_LIMITED'),
  });
}

function readMachineId(): string {
  try {
    const id = readFileSync('/etc/machine-id', 'utf8').trim();
    return /^[0-9a-f]{32}$/.test(id) ? id : '';
  } catch {
    // A host without one is enrolled all the same; only copies of it cannot be noticed.
    return '';
  }
}
