import { createPrivateKey } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createKeyPair, describeKeyPair, type KeyPair, syncFolder, writePrivateFile } from '@seal/pki';

/**
 * The identity in the making: `<stateDirectory>/enrol`, which becomes `<stateDirectory>/identity` by one rename when it is complete.
 * INVARIANT: node.crt is written last, so a folder with node.crt is complete.
 */
export class PendingIdentity {
  readonly #stateDirectory: string;
  readonly #pending: string;
  readonly #final: string;

  constructor(stateDirectory: string) {
    this.#stateDirectory = stateDirectory;
    this.#pending = join(stateDirectory, 'enrol');
    this.#final = join(stateDirectory, 'identity');
  }

  /** Whether a request of an earlier run may have reached the server without its answer reaching us. */
  get isBegun(): boolean {
    return existsSync(join(this.#pending, 'node.key'));
  }

  /** Ends a move that a crash interrupted. */
  recover(): void {
    if (existsSync(join(this.#pending, 'node.crt'))) this.#move();
  }

  /** The key to enrol with: that of an earlier run, else `reuse`, else a new one. It is durable before anybody hears of it. */
  async key(reuse: string | undefined): Promise<KeyPair> {
    const path = join(this.#pending, 'node.key');
    if (existsSync(path)) return describeKeyPair(createPrivateKey(readFileSync(path)));
    const made = reuse === undefined ? await createKeyPair('ec') : describeKeyPair(createPrivateKey(reuse));
    writePrivateFile(path, made.privateKeyPem);
    return made;
  }

  /** Completes the identity and puts it in the place of the old one. */
  finish(files: { readonly caPem: string; readonly serverJson: string; readonly certificatePem: string }): void {
    writePrivateFile(join(this.#pending, 'ca.crt'), files.caPem);
    writePrivateFile(join(this.#pending, 'server.json'), files.serverJson);
    writePrivateFile(join(this.#pending, 'node.crt'), files.certificatePem);
    this.#move();
  }

  /** Leaves nothing of it. */
  forget(): void {
    rmSync(this.#pending, { recursive: true, force: true });
  }

  #move(): void {
    const old = join(this.#stateDirectory, 'identity.old');
    rmSync(old, { recursive: true, force: true });
    mkdirSync(this.#stateDirectory, { recursive: true, mode: 0o700 });
    if (existsSync(this.#final)) renameSync(this.#final, old);
    renameSync(this.#pending, this.#final);
    syncFolder(this.#stateDirectory);
    rmSync(old, { recursive: true, force: true });
  }
}
