import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { Problem } from '@seal/foundation';
import { writePrivateFile } from './write-private-file.ts';

/** Encrypts secrets at rest with AES-256-GCM. The key lies in a file of its own, outside the store that holds what is sealed. */
export interface SecretBox {
  /** version (1) · nonce (12) · tag (16) · ciphertext. `context` must be given again to open it. */
  seal(plain: Uint8Array, context?: string): Uint8Array;
  /** Problem: SECRET_UNREADABLE when it was altered, cut, sealed with another key or for another context. */
  open(sealed: Uint8Array, context?: string): Uint8Array;
}

const keyBytes = 32;
const version = 1;

/**
 * A box with the key in `keyFile` (32 bytes, mode 0600). With `mayCreate` a missing key is made, durably, before this returns; without it
 * a missing key is an error, because a new key could open nothing that is already stored. Problem: SECRET_KEY_INVALID.
 */
export function openSecretBox(keyFile: string, { mayCreate }: { readonly mayCreate: boolean }): SecretBox {
  const found = statSync(keyFile, { throwIfNoEntry: false });
  if (!found) {
    if (!mayCreate)
      throw new Problem('SECRET_KEY_INVALID', `the key file ${keyFile} is missing, but the store holds secrets sealed with it`);
    writePrivateFile(keyFile, randomBytes(keyBytes));
  } else if ((found.mode & 0o077) !== 0) {
    const mode = (found.mode & 0o777).toString(8);
    throw new Problem('SECRET_KEY_INVALID', `the key file ${keyFile} has mode ${mode}, but only its owner may read it (600)`);
  }
  return secretBox(readFileSync(keyFile), keyFile);
}

function secretBox(key: Buffer, keyFile: string): SecretBox {
  if (key.length !== keyBytes)
    throw new Problem('SECRET_KEY_INVALID', `the key file ${keyFile} has ${key.length} bytes, but a key has ${keyBytes}`);
  return {
    seal(plain, context = '') {
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context));
      const text = Buffer.concat([cipher.update(plain), cipher.final()]);
      return Buffer.concat([Buffer.of(version), nonce, cipher.getAuthTag(), text]);
    },
    open(sealed, context = '') {
      try {
        if (sealed[0] !== version || sealed.length < 29) throw new Error(`not a sealed value of version ${version}`);
        const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(1, 13), { authTagLength: 16 });
        decipher.setAAD(Buffer.from(context)).setAuthTag(sealed.subarray(13, 29));
        return Buffer.concat([decipher.update(sealed.subarray(29)), decipher.final()]);
      } catch (error) {
        throw new Problem('SECRET_UNREADABLE', 'a stored secret cannot be opened with this key', { cause: error });
      }
    },
  };
}
