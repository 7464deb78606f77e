import { newId, Problem, type Random } from '@seal/foundation';
import { matchesVerifier } from '@seal/pki';
import ipaddr from 'ipaddr.js';
import type { IdentityRows, StoredNode, StoredToken, TokenUsage } from './identity-store.ts';

/** A host that wants in, with everything that was proved or checked about the request. */
export interface Applicant {
  readonly tokenId: string;
  readonly secret: string;
  /** `sha256:…` of the public key that signed the CSR. */
  readonly keyDigest: string;
  readonly nodeName: string;
  /** Empty when the host told none. */
  readonly machineId: string;
  /** What the host wants to be; undefined: whatever the token allows. */
  readonly usage?: TokenUsage;
  /** The node of that name was reinstalled and this one takes its place. */
  readonly replace: boolean;
  /** Address that the request came from. */
  readonly remoteAddress: string;
}

export interface AdmitPorts {
  readonly now: number;
  readonly random: Random;
  /** How long after its admission a crashed host may ask again without another use, ms. */
  readonly resumeMilliseconds: number;
  /** Name of the cluster that a node is in. */
  readonly clusterOf: (nodeId: string) => string | undefined;
}

export interface Admission {
  readonly node: StoredNode;
  /** True when this request had been admitted before, so nothing was counted. */
  readonly resumed: boolean;
  /** The node whose place it takes, removed. */
  readonly replaced?: StoredNode;
}

/**
 * Admits a host or refuses it; runs inside one transaction, so two hosts cannot share the last use of a token or a name.
 * The secret is checked first: who does not know it learns nothing about the token, not even that it exists.
 * Problems: TOKEN_INVALID, TOKEN_REVOKED, TOKEN_EXPIRED, TOKEN_SPENT, TOKEN_USAGE, TOKEN_BINDING, NODE_REMOVED, NODE_NAME_TAKEN,
 * NODE_IN_CLUSTER, MACHINE_CLONED.
 */
export function admit(rows: IdentityRows, applicant: Applicant, ports: AdmitPorts): Admission {
  const token = rows.token(applicant.tokenId);
  const known = matchesVerifier(token?.verifier, applicant.secret);
  if (!token || !known) throw new Problem('TOKEN_INVALID', 'the server knows no such bootstrap token, or its secret is wrong');
  const node = rows.nodeByKey(applicant.keyDigest);
  if (node?.removedAt !== undefined)
    throw new Problem('NODE_REMOVED', `the key of this host belongs to node ${node.name} (${node.id}), which was removed`);
  if (token.revokedAt !== undefined) throw new Problem('TOKEN_REVOKED', `the bootstrap token ${token.id} was revoked`);
  if (node && node.tokenId === token.id && ports.now < node.enrolledAt + ports.resumeMilliseconds) return { node, resumed: true };
  checkToken(token, applicant, ports.now);
  const admission = node ? { node: again(node, token, applicant, ports), resumed: false } : enter(rows, token, applicant, ports);
  rows.putToken({ ...token, uses: token.uses + 1, usedBy: [...token.usedBy, admission.node.id] });
  rows.putNode(admission.node);
  return admission;
}

function checkToken(token: StoredToken, applicant: Applicant, now: number): void {
  if (now >= token.expiresAt)
    throw new Problem('TOKEN_EXPIRED', `the bootstrap token ${token.id} ended at ${new Date(token.expiresAt).toISOString()}`);
  if (token.uses >= token.maxUses)
    throw new Problem('TOKEN_SPENT', `the bootstrap token ${token.id} has admitted ${token.uses} of ${token.maxUses} nodes`);
  if (applicant.usage && !token.usages.includes(applicant.usage))
    throw new Problem(
      'TOKEN_USAGE',
      `the bootstrap token ${token.id} is for ${token.usages.join(', ')}, not for ${applicant.usage}`,
    );
  if (token.nodeName !== undefined && token.nodeName !== applicant.nodeName)
    throw new Problem(
      'TOKEN_BINDING',
      `the bootstrap token ${token.id} is for the node "${token.nodeName}", not for "${applicant.nodeName}"`,
    );
  if (token.cidr !== undefined && !isWithin(applicant.remoteAddress, token.cidr))
    throw new Problem(
      'TOKEN_BINDING',
      `the bootstrap token ${token.id} is for ${token.cidr}, not for ${applicant.remoteAddress}`,
    );
}

/** A host that was off too long, with its old key and a new token: the same node. */
function again(node: StoredNode, token: StoredToken, applicant: Applicant, ports: AdmitPorts): StoredNode {
  return { ...node, ...granted(token, applicant), tokenId: token.id, enrolledAt: ports.now };
}

function enter(rows: IdentityRows, token: StoredToken, applicant: Applicant, ports: AdmitPorts): Admission {
  const live = rows.nodes().filter((node) => node.removedAt === undefined);
  const holder = live.find((node) => node.name === applicant.nodeName);
  const replaced = holder && { ...mayReplace(holder, token, applicant, ports), removedAt: ports.now, removedBy: token.id };
  const twin = live.find((node) => node !== holder && applicant.machineId !== '' && node.machineId === applicant.machineId);
  if (twin)
    throw new Problem('MACHINE_CLONED', `the machine id of "${applicant.nodeName}" is that of the enrolled node "${twin.name}"`, {
      details: { node: twin.id },
    });
  if (replaced) rows.putNode(replaced);
  const node: StoredNode = {
    id: newId('node', ports.random, 12),
    name: applicant.nodeName,
    keyDigest: applicant.keyDigest,
    tokenId: token.id,
    machineId: applicant.machineId,
    ...granted(token, applicant),
    enrolledAt: ports.now,
    certificatePem: '',
    certificateExpiresAt: 0,
  };
  return { node, resumed: false, ...(replaced ? { replaced } : {}) };
}

/** Only a token that was made for that very name may take the place of a living node. */
function mayReplace(holder: StoredNode, token: StoredToken, applicant: Applicant, ports: AdmitPorts): StoredNode {
  const name = applicant.nodeName;
  if (!applicant.replace) throw new Problem('NODE_NAME_TAKEN', `the name "${name}" belongs to the enrolled node ${holder.id}`);
  if (token.nodeName !== name)
    throw new Problem(
      'NODE_NAME_TAKEN',
      `the bootstrap token ${token.id} is not bound to "${name}", so it cannot replace that node`,
      {
        remedy: `Make a token with "sealctl token create --node ${name}" and put --replace behind the line that it prints: … | SEAL_TOKEN=… sh -s -- --replace.`,
      },
    );
  const cluster = ports.clusterOf(holder.id);
  if (cluster !== undefined)
    throw new Problem('NODE_IN_CLUSTER', `the node "${name}" that would be replaced is a member of cluster ${cluster}`);
  return holder;
}

function granted(token: StoredToken, applicant: Applicant) {
  return { usages: applicant.usage ? [applicant.usage] : token.usages, labels: token.labels };
}

function isWithin(address: string, cidr: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const from = ipaddr.process(address);
  const network = ipaddr.parseCIDR(cidr);
  return from.kind() === network[0].kind() && from.match(network);
}
