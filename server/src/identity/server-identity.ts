import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { type Clock, Problem, type Random } from '@seal/foundation';
import {
  type Authority,
  type Certificate,
  createAuthority,
  createKeyPair,
  isTrustedLeaf,
  loadAuthority,
  parseCertificate,
  renewalTime,
  spkiSha256,
  writePrivateFile,
} from '@seal/pki';

export interface ServerIdentityOptions {
  /** Holds ca.key, ca.crt, server.key and server.crt; made with mode 0700. */
  readonly pkiDirectory: string;
  /** Addresses and DNS names under which the server is reached; 127.0.0.1, ::1 and localhost are always there. */
  readonly addresses: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
}

const leafLifetimeSeconds = 30 * 24 * 3600;
const retryMilliseconds = 60_000;

/**
 * The server's own authority (made on the first start, 10 years) and its TLS certificate (30 days, renewed at half of that).
 * The TLS key stays the same over renewals, so the pin in an install command that was printed last month still holds.
 */
export class ServerIdentity {
  readonly authority: Authority;
  readonly privateKeyPem: string;
  readonly #options: ServerIdentityOptions;
  readonly #publicKey: KeyObject;
  #leaf: Certificate;

  private constructor(options: ServerIdentityOptions, authority: Authority, privateKeyPem: string, leaf: Certificate) {
    this.#options = options;
    this.authority = authority;
    this.privateKeyPem = privateKeyPem;
    this.#publicKey = createPublicKey(createPrivateKey(privateKeyPem));
    this.#leaf = leaf;
  }

  /** Problem: PKI_DAMAGED when a part of an existing authority is missing or does not fit. */
  static async open(options: ServerIdentityOptions): Promise<ServerIdentity> {
    const authority = await openAuthority(options);
    const privateKeyPem = await openKey(join(options.pkiDirectory, 'server.key'));
    const publicKey = createPublicKey(readKey(join(options.pkiDirectory, 'server.key'), privateKeyPem));
    const path = join(options.pkiDirectory, 'server.crt');
    const stored = existsSync(path) ? parseCertificate(readFileSync(path)) : undefined;
    const usable = stored && isUsable(stored, authority, publicKey, options);
    return new ServerIdentity(
      options,
      authority,
      privateKeyPem,
      usable ? stored : await issueLeaf(options, authority, publicKey),
    );
  }

  get caPem(): string {
    return this.authority.certificatePem;
  }

  get certificatePem(): string {
    return this.#leaf.pem;
  }

  /** ms since the epoch. */
  get expiresAt(): number {
    return this.#leaf.notAfter;
  }

  /** SHA-256 of the TLS certificate's SubjectPublicKeyInfo, base64: for curl --pinnedpubkey. */
  get serverSpkiPin(): string {
    return spkiSha256(this.#publicKey, 'base64');
  }

  /** A new TLS certificate with the same key. */
  async renew(): Promise<void> {
    this.#leaf = await issueLeaf(this.#options, this.authority, this.#publicKey);
  }

  /** Renews at half-life from now on and then calls `onRenewed`; one that fails is tried again every minute. The result stops it. */
  keepRenewed(onRenewed: () => void, onFailed: (error: unknown) => void): () => void {
    const { clock, random } = this.#options;
    let due = renewalTime(this.#leaf, random);
    let stopped = false;
    let cancel: () => void = () => undefined;
    // A timer takes at most 2^31 ms; steps of a day also follow a clock that was set.
    const plan = (milliseconds: number) => {
      if (!stopped) cancel = clock.setTimer(Math.min(Math.max(milliseconds, 0), 24 * 3_600_000), () => void check());
    };
    const check = async () => {
      if (clock.now() < due) return plan(due - clock.now());
      try {
        await this.renew();
        due = renewalTime(this.#leaf, random);
        onRenewed();
        plan(due - clock.now());
      } catch (error) {
        onFailed(error);
        plan(retryMilliseconds);
      }
    };
    plan(due - clock.now());
    return () => {
      stopped = true;
      cancel();
    };
  }
}

/** The key is written before the certificate, so a crash between the two is mended here, and a certificate without a key is damage. */
async function openAuthority(options: ServerIdentityOptions): Promise<Authority> {
  const keyPath = join(options.pkiDirectory, 'ca.key');
  const certificatePath = join(options.pkiDirectory, 'ca.crt');
  if (existsSync(certificatePath)) {
    if (!existsSync(keyPath)) throw new Problem('PKI_DAMAGED', `${keyPath} is missing, but ${certificatePath} is there`);
    return loadOrDamaged(certificatePath, keyPath, options);
  }
  const privateKeyPem = await openKey(keyPath);
  const privateKey = readKey(keyPath, privateKeyPem);
  const id = Buffer.from(options.random.bytes(4)).toString('hex');
  const authority = await createAuthority({ commonName: `Seal ${id}`, organization: 'seal', privateKey }, options);
  writePrivateFile(certificatePath, authority.certificatePem, 0o644);
  return authority;
}

function loadOrDamaged(certificatePath: string, keyPath: string, options: ServerIdentityOptions): Authority {
  try {
    const files = { certificatePem: readFileSync(certificatePath, 'utf8'), privateKeyPem: readFileSync(keyPath, 'utf8') };
    return loadAuthority(files, options);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Problem('PKI_DAMAGED', `${certificatePath} and ${keyPath} cannot be used: ${why}`, { cause: error });
  }
}

async function openKey(path: string): Promise<string> {
  if (existsSync(path)) return readFileSync(path, 'utf8');
  const { privateKeyPem } = await createKeyPair('ec');
  writePrivateFile(path, privateKeyPem);
  return privateKeyPem;
}

function readKey(path: string, pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new Problem('PKI_DAMAGED', `${path} holds no private key`, { cause: error });
  }
}

async function issueLeaf(options: ServerIdentityOptions, authority: Authority, publicKey: KeyObject): Promise<Certificate> {
  const names = wantedNames(options);
  const leaf = await authority.issue({
    publicKey,
    commonName: 'seal-server',
    organization: 'seal:server',
    usages: ['server'],
    dnsNames: names.filter((name) => isIP(name) === 0),
    addresses: names.filter((name) => isIP(name) !== 0),
    lifetimeSeconds: leafLifetimeSeconds,
  });
  writePrivateFile(join(options.pkiDirectory, 'server.crt'), leaf.pem, 0o644);
  return leaf;
}

/** A stored certificate is kept while it has half of its life left, is of this authority and key, and names every address. */
function isUsable(leaf: Certificate, authority: Authority, publicKey: KeyObject, options: ServerIdentityOptions): boolean {
  const now = options.clock.now();
  const fresh = now < (leaf.notBefore + leaf.notAfter) / 2;
  const ours = isTrustedLeaf(leaf, authority.certificate.x509, 'server', now) && leaf.x509.publicKey.equals(publicKey);
  const names = (name: string) => (isIP(name) === 0 ? leaf.x509.checkHost(name) : leaf.x509.checkIP(name)) !== undefined;
  return fresh && ours && wantedNames(options).every(names);
}

function wantedNames(options: ServerIdentityOptions): string[] {
  return [...new Set([...options.addresses, 'localhost', '127.0.0.1', '::1'])];
}
