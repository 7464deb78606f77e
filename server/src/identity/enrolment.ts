import type { KeyObject } from 'node:crypto';
import { type Clock, Problem, type Random } from '@seal/foundation';
import { type Authority, type Certificate, readCsr } from '@seal/pki';
import * as z from 'zod';
import { admit } from './admit.ts';
import { appendAudit } from './audit.ts';
import { agentOrganization } from './authenticate.ts';
import { checkNodeName } from './check-node-name.ts';
import type { EnrolledNodes } from './enrolled-nodes.ts';
import type { IdentityStore, StoredNode } from './identity-store.ts';

/** The body of POST /v1/enrol. */
export const enrolRequest = z.strictObject({
  /** `sha256:…` of the public key in the CSR. */
  requestId: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  tokenId: z.string().max(64),
  secret: z.string().max(64),
  /** PKCS#10, PEM. Only its public key is used. */
  csr: z.string().max(16_384),
  hostname: z.string().max(255),
  machineId: z.string().regex(/^([0-9a-f]{32})?$/),
  usage: z.enum(['join-worker', 'join-master']).optional(),
  replace: z.boolean().default(false),
  agentVersion: z.string().max(64).default(''),
});

export type EnrolRequest = z.input<typeof enrolRequest>;

/** The answer: everything an agent needs from now on. */
export interface EnrolReply {
  readonly requestId: string;
  readonly nodeId: string;
  readonly nodeName: string;
  readonly certificate: string;
  readonly ca: string;
  readonly grpcPort: number;
  /** ms since the epoch. */
  readonly expiresAt: number;
}

export interface EnrolmentOptions {
  readonly store: IdentityStore;
  readonly nodes: EnrolledNodes;
  readonly authority: Authority;
  readonly clock: Clock;
  readonly random: Random;
  readonly grpcPort: number;
  /** Name of the cluster that a node is in; a node in a cluster is not replaced. */
  readonly clusterOf: (nodeId: string) => string | undefined;
  /** Default 24 h. */
  readonly leafLifetimeSeconds?: number;
}

const daySeconds = 24 * 3600;

/** Admits hosts and gives agents their certificates. */
export class Enrolment {
  readonly #options: EnrolmentOptions;
  readonly #lifetimeSeconds: number;

  constructor(options: EnrolmentOptions) {
    this.#options = options;
    this.#lifetimeSeconds = options.leafLifetimeSeconds ?? daySeconds;
  }

  /**
   * Enrols the host that sent `body`. The same key gives the same node and, while it is valid, the same certificate, however often it
   * asks. Problems: ENROLMENT_MALFORMED, CSR_INVALID, NODE_NAME_INVALID and those of `admit`.
   */
  async enrol(body: unknown, remoteAddress: string): Promise<EnrolReply> {
    const request = parse(body);
    checkNodeName(request.hostname);
    const csr = await readCsr(request.csr);
    if (csr.keyDigest !== request.requestId)
      throw new Problem('ENROLMENT_MALFORMED', 'the request id is not the digest of the public key in the certificate request');
    const node = await this.#admit(request, remoteAddress);
    const certified = await this.#certify(node, csr.publicKey);
    const { caPem: ca, grpcPort } = { caPem: this.#options.authority.certificatePem, grpcPort: this.#options.grpcPort };
    return {
      requestId: request.requestId,
      nodeId: certified.id,
      nodeName: certified.name,
      certificate: certified.certificatePem,
      ca,
      grpcPort,
      expiresAt: certified.certificateExpiresAt,
    };
  }

  /** A new certificate for an enrolled node, for the public key of `csrPem`. Problems: CSR_INVALID, NODE_REMOVED, PERMISSION_DENIED. */
  async renew(nodeId: string, csrPem: string): Promise<{ certificatePem: string; caPem: string; expiresAtMs: number }> {
    const { store, nodes, clock, authority } = this.#options;
    const { publicKey, keyDigest } = await readCsr(csrPem);
    const certificate = await this.#issue(nodeId, publicKey);
    const now = clock.now();
    const renewed = await store.transaction((rows) => {
      const node = liveNode(rows.node(nodeId), nodeId);
      const holder = rows.nodeByKey(keyDigest);
      if (holder && holder.id !== nodeId)
        throw new Problem('PERMISSION_DENIED', 'the key of the request belongs to another node');
      const row = { ...node, keyDigest, certificatePem: certificate.pem, certificateExpiresAt: certificate.notAfter };
      rows.putNode(row);
      const detail = { node: nodeId, name: node.name, serial: certificate.serial };
      appendAudit(rows, { actor: node.name, action: 'certificate-renewed', decision: 'allowed', detail }, now);
      return row;
    });
    nodes.follow(renewed);
    return { certificatePem: certificate.pem, caPem: authority.certificatePem, expiresAtMs: certificate.notAfter };
  }

  async #admit(request: z.output<typeof enrolRequest>, remoteAddress: string): Promise<StoredNode> {
    const { store, nodes, clock, random, clusterOf } = this.#options;
    const now = clock.now();
    const { requestId, hostname, tokenId, usage } = request;
    const applicant = {
      ...{ tokenId, secret: request.secret, keyDigest: requestId, nodeName: hostname, machineId: request.machineId },
      ...{ replace: request.replace, remoteAddress, ...(usage ? { usage } : {}) },
    };
    const entry = { actor: tokenId, action: 'enrol', detail: { node: '', name: hostname, requestId, remoteAddress } };
    try {
      const admission = await store.transaction((rows) => {
        const admitted = admit(rows, applicant, { now, random, clusterOf, resumeMilliseconds: this.#lifetimeSeconds * 1000 });
        const detail = { ...entry.detail, node: admitted.node.id, replaced: admitted.replaced?.id };
        if (!admitted.resumed) appendAudit(rows, { ...entry, decision: 'allowed', detail }, now);
        return admitted;
      });
      if (admission.replaced) nodes.follow(admission.replaced);
      nodes.follow(admission.node);
      return admission.node;
    } catch (error) {
      // Guesses are not recorded: who knows no secret must not be able to fill the disk.
      if (error instanceof Problem && error.code !== 'TOKEN_INVALID' && error.code !== 'STORE_FAILED')
        await store.transaction((rows) =>
          appendAudit(rows, { ...entry, decision: 'refused', detail: { ...entry.detail, problem: error.code } }, now),
        );
      throw error;
    }
  }

  /** Of two requests that came at once with the same key, the first to write wins and both get its certificate. */
  async #certify(admitted: StoredNode, publicKey: KeyObject): Promise<StoredNode> {
    const { store, nodes, clock } = this.#options;
    const valid = (node: StoredNode) => node.certificatePem !== '' && clock.now() < node.certificateExpiresAt;
    if (valid(admitted)) return admitted;
    const certificate = await this.#issue(admitted.id, publicKey);
    const certified = await store.transaction((rows) => {
      const node = liveNode(rows.node(admitted.id), admitted.id);
      if (valid(node)) return node;
      const row = { ...node, certificatePem: certificate.pem, certificateExpiresAt: certificate.notAfter };
      rows.putNode(row);
      return row;
    });
    nodes.follow(certified);
    return certified;
  }

  #issue(nodeId: string, publicKey: KeyObject): Promise<Certificate> {
    const lifetimeSeconds = this.#lifetimeSeconds;
    return this.#options.authority.issue({
      ...{ publicKey, commonName: nodeId, organization: agentOrganization, usages: ['client'], lifetimeSeconds },
    });
  }
}

function parse(body: unknown): z.output<typeof enrolRequest> {
  const parsed = enrolRequest.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new Problem('ENROLMENT_MALFORMED', `the enrolment request is not valid: ${z.prettifyError(parsed.error)}`);
}

function liveNode(node: StoredNode | undefined, nodeId: string): StoredNode {
  if (node && node.removedAt === undefined) return node;
  throw new Problem('NODE_REMOVED', `node ${node?.name ?? nodeId} was removed from this server`);
}
